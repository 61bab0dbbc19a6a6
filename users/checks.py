"""What `manage.py check` and `manage.py migrate` say about the accounts' settings."""

from typing import Any

from django.core.checks import CheckMessage, Error

from users.mail.content import check_templates


def check_mail_templates(**_: Any) -> list[CheckMessage]:
    """An error for each template of a mail that cannot be rendered."""
    hint = "Mend the file in MAIL_TEMPLATES_DIR, or remove it to use the template that comes with Vitrine."
    return [Error(problem, hint=hint, id="users.E001") for problem in check_templates()]
