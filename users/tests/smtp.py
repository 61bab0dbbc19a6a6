"""A real SMTP server (aiosmtpd) in a thread, that can be told to refuse or to hang up."""

import asyncio
import socket
from collections.abc import Callable
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller

HANG_UP = "hang up"


def free_port() -> int:
    """A port that nobody listens on, for now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """Takes mail in; `answers` maps a command to what it says instead of yes, `watch` is called with each command."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.recipients: list[str] = []
        self.answers: dict[str, str] = {}
        self.watch: Callable[[str], None] = lambda command: None
        self.controller = Controller(self, hostname="127.0.0.1", port=free_port(), ready_timeout=10)

    @property
    def port(self) -> int:
        """Where it listens."""
        return self.controller.port

    async def handle_MAIL(self, server: Any, session: Any, envelope: Any, address: str, options: list[str]) -> str:  # noqa: N802
        """The sender is named."""
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return await self._answer("MAIL", server)

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: list[str]) -> str:  # noqa: N802
        """The recipient is named."""
        answer = await self._answer("RCPT", server)
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        """The whole mail is here."""
        answer = await self._answer("DATA", server)
        if answer.startswith("250"):
            self.recipients += envelope.rcpt_tos
            self.mails.append(message_from_bytes(envelope.content, policy=policy.default))
        return answer

    async def _answer(self, command: str, server: Any) -> str:
        await asyncio.to_thread(self.watch, command)
        answer = self.answers.get(command, "250 OK")
        if answer == HANG_UP:
            server.transport.abort()
        return answer
