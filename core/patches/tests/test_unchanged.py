"""The code of the libraries that the patches replace or build on is still the code that they were written against."""

import hashlib
import inspect
from importlib.metadata import version
from pkgutil import resolve_name

import pytest

# By patch, and by what it replaces, calls or relies on: the beginning of the SHA-256 of that source.
SOURCES = {
    "celery": {
        "celery.beat:EmbeddedService": "156f2894f3ae",
        "celery.beat:Scheduler.tick": "cee54aab628f",
        "celery.beat:Scheduler.apply_entry": "62b889b51933",
        "celery.beat:Scheduler.setup_schedule": "c54befacc781",
        "celery.concurrency.thread:TaskPool": "9cca18119cb9",
        "celery.concurrency.base:BasePool.on_terminate": "e1f10b57405c",
        "celery.concurrency.base:BasePool.terminate_job": "86cf042a4a30",
        "celery.worker.consumer.consumer:Consumer.start": "53bd1abe3456",
        "celery.worker.consumer.consumer:Consumer.create_task_handler": "292c5a681f10",
        "celery.worker.consumer.consumer:Consumer.ensure_connected": "3f79cf3bb6d6",
    },
    "kombu": {
        "kombu.transport.virtual.base:Transport._deliver": "799e242f3ec5",
        "kombu.transport.redis:QoS.ack": "1bc15a4ddf54",
        "kombu.transport.redis:QoS.reject": "747a02434344",
        "kombu.transport.redis:Channel.__init__": "f189bdebe243",
        "kombu.transport.redis:Channel._brpop_read": "c42518699709",
    },
    "gunicorn": {
        "gunicorn.arbiter:Arbiter.stop": "7138b6afd9c4",
        "gunicorn.http.parser:Parser.finish_body": "54c5d0d28c26",
        "gunicorn.workers.gthread:ThreadWorker.accept": "f8dcead3dce5",
        "gunicorn.workers.gthread:ThreadWorker.handle_exit": "b4e7decd4f92",
        "gunicorn.workers.gthread:ThreadWorker.run": "f92c7394d857",
        "gunicorn.workers.gthread:ThreadWorker.set_accept_enabled": "140150ebfd3c",
        "gunicorn.workers.gthread:ThreadWorker._keepalive_after": "4ebdbbc8bf5a",
        "gunicorn.glogging:Logger.access": "45fce61c353b",  # pragma: allowlist secret
        "gunicorn.http.wsgi:Response.write": "a13659ff072c",  # pragma: allowlist secret
        "gunicorn.http.wsgi:Response.send_headers": "7aff3b7d004f",
        "gunicorn.workers.gthread:ThreadWorker.enqueue_req": "c9f428953d24",  # pragma: allowlist secret
        "gunicorn.workers.gthread:ThreadWorker.finish_request": "616e7bb15a00",
        "gunicorn.workers.gthread:ThreadWorker.on_client_socket_readable": "aead1a3ea7b7",
        "gunicorn.workers.gthread:ThreadWorker._cap_keepalive": "745c8ac37108",  # pragma: allowlist secret
    },
    "graphql-core": {
        "graphql.language.ast:Location": "4cfe9d833516",
        "graphql.language.parser:Parser.__init__": "15902fd79733",
        "graphql.language.parser:Parser.loc": "2027974c16cb",
    },
    "django": {
        "django.core.handlers.wsgi:WSGIRequest.__init__": "484035aace31",
        "django.http.request:HttpRequest._set_content_type_params": "c4ef0b4724e1",
        "django.db.transaction:mark_for_rollback_on_error": "2a09db0a6054",
    },
    "prometheus-client": {"prometheus_client.values:MultiProcessValue": "8077cd2c482f"},
}


@pytest.mark.parametrize("library", SOURCES)
def test_the_library_is_what_the_patch_was_written_against(library: str) -> None:
    found = {name: digest(name) for name in SOURCES[library]}
    changed = {name: now for name, now in found.items() if now != SOURCES[library][name]}
    assert not changed, (
        f"{library} {version(library)} changed what core/patches builds on. Read the change, mend or delete the patch, "
        f"then write down the version in it and these digests here: {changed}"
    )


def digest(name: str) -> str:
    return hashlib.sha256(inspect.getsource(resolve_name(name)).encode()).hexdigest()[:12]
