"""A worker that outlives its Redis and whatever lies in it: what kombu (5.7.0) does not expect ends its worker.

- Messages whose connection is gone are acknowledged, or handed back, over that very connection: an AttributeError.
  Here they are forgotten.
- A message that is no JSON, or not of kombu's shape, raises out of the event loop. Here it is discarded.

A message only says that there is work; the sweeps find what it was about.
"""

import logging
from queue import Empty
from typing import Any

from kombu.transport import redis, virtual

logger = logging.getLogger(__name__)


class DiscardsBroken(virtual.Transport):
    """A transport that drops what its consumers cannot read. core.patches.celery drops the rest."""

    def _deliver(self, message: Any, queue: str) -> None:  # type: ignore[override]
        try:
            super()._deliver(message, queue)
        except self.connection_errors:
            raise
        except Exception as error:
            logger.warning("Discarded a broken message: %r", error)


class QoS(redis.QoS):
    """Leaves messages alone whose connection is gone."""

    def ack(self, delivery_tag: str) -> None:
        """Acknowledges the message, if it still can."""
        if self._is_connected():
            super().ack(delivery_tag)

    def reject(self, delivery_tag: str, requeue: bool = False) -> None:
        """Refuses the message, if it still can."""
        if self._is_connected():
            super().reject(delivery_tag, requeue)

    def _is_connected(self) -> bool:
        transport = self.channel.connection
        return transport is not None and transport.client is not None


class RedisChannel(redis.Channel):
    """kombu's, with the QoS above; garbage in a queue's list is read over."""

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
            # Off the list already, and the channel asks for the next one.
            logger.warning("Discarded a broken message: %r", error)
            return True


class RedisTransport(DiscardsBroken, redis.Transport):
    """For redis:// and rediss:// (see core.celery)."""

    Channel = RedisChannel
