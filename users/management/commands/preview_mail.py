"""`manage.py preview_mail welcome` writes a mail as an HTML page for a browser. It sends and changes nothing."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from users.addresses import fold_email
from users.mail.backends import write_private
from users.mail.content import content_of
from users.models import OutgoingMail, User

KINDS = {kind.lower().replace("_", "-"): kind for kind in OutgoingMail.Kind}


class Command(BaseCommand):
    help = "Writes a mail as an HTML page into VAR_DIR and prints its subject and text."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("kind", choices=sorted(KINDS))
        parser.add_argument("--to", metavar="EMAIL", help="an account's address (default: a made-up Ann)")
        parser.add_argument("--out", type=Path, help="the page to write (default: VAR_DIR/preview-KIND.html)")

    def handle(self, *args: Any, **options: Any) -> None:
        user = User(pk=0, email="ann@example.com", first_name="Ann")
        if options["to"]:
            account = User.objects.filter(email_folded=fold_email(options["to"])).first()
            if account is None:
                raise CommandError(f"There is no account with the address {options['to']}.")
            user = account
        content = content_of(OutgoingMail(kind=KINDS[options["kind"]]), user)
        page = options["out"] or settings.VAR_DIR / f"preview-{options['kind']}.html"
        write_private(page, content.html.encode())  # a reset mail's link works
        self.stdout.write(f"Subject: {content.subject}\n\n{content.text}\n\nThe page: {page}")
