"""The WSGI application that gunicorn serves."""

import ctypes
import gc
import os

import django
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from core.config import env

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "core.settings")
django.setup(set_prefix=False)

from core.http.handler import Handler  # noqa: E402 - it wants the settings

application = Handler()
# Commands do not need them, but a server without them would answer 400 to every request.
if not settings.ALLOWED_HOSTS:
    env.refuse("ALLOWED_HOSTS", "the host names to answer to, separated by commas, when DEBUG is off")
if settings.GRAPHQL_TRUSTED_DOCUMENTS:
    try:
        from core.urls import graphql

        graphql.server.trusted.check(graphql.server.documents.schema)
    except ImproperlyConfigured as wrong:
        env.end(str(wrong))
# Large blocks, such as a kept answer or a body of a megabyte and its strings, go back to the system when they are
# freed. glibc would raise its threshold (M_MMAP_THRESHOLD, -3) with the first of them, and keep later ones with their
# contents. Linux allows a process 65,530 such blocks, with threads' stacks (M_MMAP_MAX, -4). Threads share one
# arena (M_ARENA_MAX, -8), because each arena holds free memory that the others cannot use. Full caches took 184 MB with
# one thread and 202 with eight; now 179 and 186. A temporary block of 60 kB costs 24 µs more.
if hasattr(ctypes.CDLL(None), "mallopt"):
    for option, value in ((-3, 32 * 1024), (-4, 16_384), (-8, 1)):
        ctypes.CDLL(None).mallopt(option, value)
# What was imported stays, so the garbage collector need not visit it again and again, nor write to it after a fork. A
# page of 100 products makes some thousand objects that are all freed with the response: at Python's usual threshold,
# looking for cycles among them took 4 % of its time.
gc.freeze()
gc.set_threshold(20_000, 10, 10)
