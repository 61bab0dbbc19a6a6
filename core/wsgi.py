"""The WSGI application that gunicorn serves."""

import gc
import os

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "core.settings")
application = get_wsgi_application()
# Commands do without; a server would answer 400 to every request.
if not settings.ALLOWED_HOSTS:
    raise ImproperlyConfigured("ALLOWED_HOSTS must name the hosts to answer to when DEBUG is off.")
if settings.GRAPHQL_TRUSTED_DOCUMENTS:
    from core.graphql.view import documents, trusted

    trusted.check(documents.schema)
# What was imported stays: it need not be looked through again and again, nor be written to in forked processes. A page
# of 100 products makes some thousand objects that all go with its answer: looking for circles among them is 4 % of it.
gc.freeze()
gc.set_threshold(20_000, 10, 10)
