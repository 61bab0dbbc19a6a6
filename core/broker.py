"""A worker that outlives its Redis: what kombu (5.7.0) does with messages whose connection is gone kills it.

It wants to acknowledge them, or to hand them back, over that very connection, and an AttributeError ends the worker.
Here they are forgotten: a message only hurries, and the sweeps find what it was about.
"""

from kombu.transport import redis


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


def survive() -> None:
    """Makes it so for every connection of this process."""
    redis.Channel.QoS = QoS
    redis.Channel.do_restore = False
