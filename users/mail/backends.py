"""E-mail backends that report the moment from which a mail may have arrived.

Both call `hand_over` just before that moment. A mail that fails before it has certainly not arrived, and a server's
answer is certain too (Refused). Any other error leaves it unknown whether the mail arrived.
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
    """The mail was certainly not accepted. `final` means that trying again is useless."""

    def __init__(self, reason: str, *, final: bool) -> None:
        self.final = final
        super().__init__(reason)


def write_private(path: Path, content: bytes) -> None:
    """Writes a file that only its owner can read (0600). Raises OSError."""
    path.touch(mode=0o600)
    path.chmod(0o600)  # an existing one may be readable by others
    path.write_bytes(content)


class SmtpBackend(smtp.EmailBackend):
    """Django's, with a delivery that calls `hand_over` just before DATA."""

    def deliver(self, message: EmailMessage, hand_over: Callable[[], None]) -> None:
        """Sends to the one recipient over the open connection.

        Raises Refused, or SMTPException or OSError when the connection broke after DATA.
        """
        connection = cast(smtplib.SMTP, self.connection)
        encoding = settings.DEFAULT_CHARSET
        content = message.message().as_bytes(linesep="\r\n")  # type: ignore[call-arg]
        try:
            connection.ehlo_or_helo_if_needed()
            options = [f"size={len(content)}"] if connection.has_extn("size") else []
            options += ["body=8bitmime"] if connection.has_extn("8bitmime") else []
            self._check(connection.mail(sanitize_address(message.from_email, encoding), options))
            self._check(connection.rcpt(sanitize_address(message.to[0], encoding)))
        except (smtplib.SMTPException, OSError) as error:
            raise Refused(f"The connection broke: {error}", final=False) from error
        hand_over()
        try:
            self._check(connection.data(content))
        except smtplib.SMTPDataError as error:  # the answer to the DATA command: nothing of the mail was sent
            self._check((error.smtp_code, error.smtp_error))

    def reset(self) -> None:
        """Ends an unfinished mail, so that the next can begin. Closes a broken connection."""
        try:
            if self.connection is None or self.connection.rset()[0] not in OK:
                self._drop()
        except (smtplib.SMTPException, OSError):
            self._drop()

    def _drop(self) -> None:
        if self.connection is not None:
            self.connection.close()
            self.connection = None

    def _check(self, answer: tuple[int, bytes | str]) -> None:
        """Raises Refused for a negative answer, by its first digit (RFC 5321 §4.2.1)."""
        code, text = answer
        if code in OK:
            return
        if not 400 <= code < 600:
            raise smtplib.SMTPResponseException(code, text)
        words = text.decode(errors="replace") if isinstance(text, bytes) else text
        raise Refused(f"{code} {words}", final=code >= 500)


class FileBackend(BaseEmailBackend):
    """Writes each mail into a file in EMAIL_FILE_PATH, named after its Message-ID, for development.

    A reset mail can set a password, so only the service's own user may read the folder and its files.
    """

    def deliver(self, message: EmailMessage, hand_over: Callable[[], None]) -> None:
        """Writes a temporary file and renames it, so that a file is complete or missing. Raises OSError."""
        folder = Path(settings.EMAIL_FILE_PATH)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)  # an existing one may be readable by others
        content = message.message()
        name = re.sub(r"[^A-Za-z0-9.-]", "_", str(content["Message-ID"]).strip("<>").partition("@")[0])
        temporary = folder / f".{name}-{get_random_string(8)}"
        try:
            write_private(temporary, content.as_bytes())
            hand_over()
            temporary.replace(folder / f"{name}.eml")
        finally:
            temporary.unlink(missing_ok=True)

    def reset(self) -> None:
        """Does nothing: no connection stays open."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        for message in email_messages:
            self.deliver(message, lambda: None)
        return len(email_messages)
