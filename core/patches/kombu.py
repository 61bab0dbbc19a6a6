"""kombu: transports on which neither a broken message nor a lost connection ends the worker.

- Written against: kombu 5.7.0.
- Why: a message that is no JSON, or not of kombu's shape, raises out of the event loop; here it is discarded. A message
  whose connection is gone is acknowledged, or handed back, over that very connection, which is an AttributeError; here
  it is left alone. A message only says that there is work, and the sweeps find that work.
- Upstream: celery/kombu#2421 and #1551 for broken messages; none known for lost connections.
- Test: core/patches/tests/test_kombu.py.
- Delete when: both are errors that the worker survives.
"""

import logging
from queue import Empty
from typing import Any

from kombu.transport import redis, virtual

logger = logging.getLogger(__name__)


class DiscardsBroken(virtual.Transport):
    """A transport that discards messages that kombu cannot read. Those that Celery cannot: core.patches.celery."""

    def _deliver(self, message: Any, queue: str) -> None:  # type: ignore[override]
        try:
            super()._deliver(message, queue)
        except self.connection_errors:
            raise
        except Exception as error:
            logger.warning("Discarded a broken message: %r", error)


class QoS(redis.QoS):
    """Does nothing with a message whose connection is gone."""

    def ack(self, delivery_tag: str) -> None:
        if self._is_connected():
            super().ack(delivery_tag)

    def reject(self, delivery_tag: str, requeue: bool = False) -> None:
        if self._is_connected():
            super().reject(delivery_tag, requeue)

    def _is_connected(self) -> bool:
        transport = self.channel.connection
        return transport is not None and transport.client is not None


class RedisChannel(redis.Channel):
    """kombu's, with the QoS above. It discards entries of a queue's list that are not messages."""

    QoS = QoS
    do_restore = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.handlers["BRPOP"] = self._brpop_read_or_discard

    def _brpop_read_or_discard(self, **options: Any) -> Any:
        try:
            return self._brpop_read(**options)  # type: ignore[attr-defined]
        except (Empty, *self.connection_errors):  # type: ignore[attr-defined]
            raise
        except Exception as error:
            # The entry is off the list already. True makes the channel ask for the next one.
            logger.warning("Discarded a broken message: %r", error)
            return True


class RedisTransport(DiscardsBroken, redis.Transport):
    """For redis:// and rediss:// (see core.celery)."""

    Channel = RedisChannel
