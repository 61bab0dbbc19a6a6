"""How a mail leaves the house, with the moment made known after which it may have arrived.

`hand_over` of the two backends here is called just before that moment. What goes wrong before it has certainly not
arrived; the servers' own answers are certain too. All else is left as smtplib raises it: nobody knows.
"""

import re
import smtplib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import cast

from django.conf import settings
from django.core.mail import EmailMessage
from django.core.mail.backends import smtp
from django.core.mail.backends.base import BaseEmailBackend
from django.core.mail.message import sanitize_address
from django.utils.crypto import get_random_string

OK = range(200, 300)


class Refused(Exception):
    """It was certainly not taken. `final`: there is no use in trying again."""

    def __init__(self, reason: str, *, final: bool) -> None:
        self.final = final
        super().__init__(reason)


def write_private(path: Path, content: bytes) -> None:
    """Writes a file that only its owner can read (0600). Raises OSError."""
    path.touch(mode=0o600)
    path.chmod(0o600)  # one of before may be open to others
    path.write_bytes(content)


class SmtpBackend(smtp.EmailBackend):
    """Django's, taken apart at DATA."""

    def deliver(self, message: EmailMessage, hand_over: Callable[[], None]) -> None:
        """Sends to the one recipient over the open connection.

        Raises Refused; and SMTPException or OSError when the connection broke after DATA had begun.
        """
        connection = cast(smtplib.SMTP, self.connection)
        encoding = settings.DEFAULT_CHARSET
        content = message.message().as_bytes(linesep="\r\n")  # type: ignore[call-arg]
        try:
            connection.ehlo_or_helo_if_needed()
            options = [f"size={len(content)}"] if connection.has_extn("size") else []
            options += ["body=8bitmime"] if connection.has_extn("8bitmime") else []
            self._ask(connection.mail(sanitize_address(message.from_email, encoding), options))
            self._ask(connection.rcpt(sanitize_address(message.to[0], encoding)))
        except (smtplib.SMTPException, OSError) as error:
            raise Refused(f"The connection broke: {error}", final=False) from error
        hand_over()
        try:
            self._ask(connection.data(content))
        except smtplib.SMTPDataError as error:  # to the DATA command itself: nothing of the mail was sent
            self._ask((error.smtp_code, error.smtp_error))

    def reset(self) -> None:
        """Forgets a mail that was begun, so that the next one can be; closes a connection that is broken."""
        try:
            if self.connection is None or self.connection.rset()[0] not in OK:
                self._drop()
        except (smtplib.SMTPException, OSError):
            self._drop()

    def _drop(self) -> None:
        if self.connection is not None:
            self.connection.close()
            self.connection = None

    def _ask(self, answer: tuple[int, bytes | str]) -> None:
        """Passes a positive answer. Raises Refused by the code's first digit (RFC 5321 §4.2.1)."""
        code, text = answer
        if code in OK:
            return
        if not 400 <= code < 600:
            raise smtplib.SMTPResponseException(code, text)
        words = text.decode(errors="replace") if isinstance(text, bytes) else text
        raise Refused(f"{code} {words}", final=code >= 500)


class FileBackend(BaseEmailBackend):
    """Each mail a file in EMAIL_FILE_PATH, named after its Message-ID; for looking at, embedded.

    A reset mail sets a password: nobody but the service's own user may read the folder or a file.
    """

    def deliver(self, message: EmailMessage, hand_over: Callable[[], None]) -> None:
        """Writes aside, then renames: the file is whole or not there. Raises OSError."""
        folder = Path(settings.EMAIL_FILE_PATH)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)  # one of before may be open to others
        written = message.message()
        name = re.sub(r"[^A-Za-z0-9.-]", "_", str(written["Message-ID"]).strip("<>").partition("@")[0])
        aside = folder / f".{name}-{get_random_string(8)}"
        try:
            write_private(aside, written.as_bytes())
            hand_over()
            aside.replace(folder / f"{name}.eml")
        finally:
            aside.unlink(missing_ok=True)

    def reset(self) -> None:
        """Nothing stays open."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        """As every backend of Django."""
        for message in email_messages:
            self.deliver(message, lambda: None)
        return len(email_messages)
