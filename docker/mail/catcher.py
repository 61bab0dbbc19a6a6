"""A mail catcher: SMTP on port 1025; on 8025 `/` shows what came, `/messages` tells it as JSON, DELETE forgets it.

It keeps the last 500 mails in memory and sends none on: for development and demonstrations, never for the Internet.
"""

import json
import signal
from collections import deque
from email import message_from_bytes, policy
from email.message import EmailMessage
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from aiosmtpd.controller import Controller

KEPT: deque[dict[str, Any]] = deque(maxlen=500)


class Catcher:
    """aiosmtpd's handler."""

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        """Keeps a mail."""
        mail: EmailMessage = message_from_bytes(envelope.content, policy=policy.default)
        parts = {kind: mail.get_body((kind,)) for kind in ("plain", "html")}
        KEPT.append(
            {
                "id": mail["Message-ID"],
                "from": envelope.mail_from,
                "to": envelope.rcpt_tos,
                "subject": mail["Subject"],
                "date": mail["Date"],
                "headers": [[name, str(value)] for name, value in mail.items()],
                "text": parts["plain"].get_content() if parts["plain"] else "",
                "html": parts["html"].get_content() if parts["html"] else "",
            }
        )
        return "250 Caught"


class Page(BaseHTTPRequestHandler):
    """What came, for people and programs."""

    def _answer(self, text: str, kind: str, status: int = 200) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        """The mails, the newest first."""
        mails = list(KEPT)[::-1]
        if self.path.rstrip("/") == "/messages":
            return self._answer(json.dumps(mails), "application/json")
        if self.path != "/":
            return self._answer("There is / and /messages.\n", "text/plain", 404)
        shown = "".join(
            f"<details><summary><b>{escape(str(mail['subject']))}</b> to {escape(', '.join(mail['to']))}</summary>"
            f"<pre>{escape(mail['text'])}</pre></details>"
            for mail in mails
        )
        return self._answer(f"<!doctype html><title>Mail</title><h1>{len(mails)} mails</h1>{shown}", "text/html")

    def do_DELETE(self) -> None:
        """Forgets all."""
        KEPT.clear()
        self._answer("Forgotten.\n", "text/plain")

    def log_message(self, format: str, *args: Any) -> None:
        """A look is no news."""


if __name__ == "__main__":
    smtp = Controller(Catcher(), hostname="0.0.0.0", port=1025)  # noqa: S104 - in a container
    smtp.start()
    web = ThreadingHTTPServer(("", 8025), Page)
    signal.signal(signal.SIGTERM, lambda *_: Thread(target=web.shutdown).start())
    web.serve_forever()
    smtp.stop()
