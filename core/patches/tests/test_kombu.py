"""Transports that outlive broken messages and lost connections."""

from queue import Empty
from types import SimpleNamespace
from typing import Any

import pytest
from kombu.transport import redis, virtual

from core.patches.kombu import DiscardsBroken, QoS, RedisChannel, RedisTransport


class Client:
    transport_options: dict[str, Any] = {}


class Transport(DiscardsBroken):
    connection_errors = (ConnectionError,)


def failing(error: Exception) -> Any:
    def fail(*_: Any, **__: Any) -> None:
        raise error

    return fail


def delivering(kind: type[virtual.Transport], error: Exception) -> virtual.Transport:
    """A transport whose consumer raises the error for any message."""
    transport = kind(Client())
    transport._callbacks["celery"] = failing(error)
    return transport


def test_a_message_that_no_consumer_can_read_is_discarded(caplog: Any) -> None:
    delivering(Transport, KeyError("body"))._deliver({}, "celery")
    assert "Discarded a broken message: KeyError('body')" in caplog.text


def test_a_lost_connection_is_no_broken_message() -> None:
    with pytest.raises(ConnectionError):
        delivering(Transport, ConnectionError())._deliver({}, "celery")


def test_discarding_is_needed() -> None:
    with pytest.raises(KeyError):
        delivering(virtual.Transport, KeyError("body"))._deliver({}, "celery")


def test_both_brokers_discard() -> None:
    from core.jobs.broker import Transport as EmbeddedTransport

    assert issubclass(EmbeddedTransport, DiscardsBroken)
    assert issubclass(RedisTransport, DiscardsBroken)
    assert RedisTransport.Channel is RedisChannel
    assert RedisChannel.QoS is QoS


@pytest.mark.parametrize(
    ("error", "outcome"), [(ValueError("no JSON"), None), (Empty(), Empty), (ConnectionError(), ConnectionError)]
)
def test_garbage_in_a_list_of_redis_is_read_over(
    monkeypatch: pytest.MonkeyPatch, caplog: Any, error: Exception, outcome: Any
) -> None:
    monkeypatch.setattr(redis.Channel, "_brpop_read", failing(error))
    channel = RedisChannel.__new__(RedisChannel)
    channel.connection_errors = (ConnectionError,)
    if outcome is not None:
        with pytest.raises(outcome):
            channel._brpop_read_or_discard()
    else:
        assert channel._brpop_read_or_discard() is True
        assert "Discarded a broken message: ValueError('no JSON')" in caplog.text


@pytest.mark.parametrize("connection", [None, SimpleNamespace(client=None)])
def test_messages_of_a_lost_connection_are_left_alone(connection: Any) -> None:
    qos = QoS(channel(connection))
    qos.ack("tag")
    qos.reject("tag", requeue=True)


def test_leaving_them_alone_is_needed() -> None:
    with pytest.raises(AttributeError):
        redis.QoS(channel(None)).ack("tag")


def channel(connection: Any) -> Any:
    """A channel of Redis that has lost its connection: it reaches its client through it."""

    class Channel:
        unacked_key, unacked_index_key, do_restore = "unacked", "unacked_index", False

        def __init__(self) -> None:
            self.connection = connection

        def conn_or_acquire(self, client: Any = None) -> Any:
            return self.connection.client.default_channel

    return Channel()
