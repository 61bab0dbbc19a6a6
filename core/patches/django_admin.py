"""Django's admin: a read-only field links a related row only for people who may open it.

- Written against: Django 5.2.19.
- Why and upstream: Django links it for everybody, and the link of others answers 403; no ticket is known.
- Test: users/tests/test_mail_admin.py.
- Delete when: `AdminReadonlyField.get_admin_url` asks the related ModelAdmin for its permission.
"""

from typing import Any

from django.contrib.admin.helpers import AdminReadonlyField

from core.auth.policy import Permission
from core.history import ambient

_link = AdminReadonlyField.get_admin_url


def _link_of_readable(self: Any, remote_field: Any, remote_obj: Any) -> str:
    may_read = Permission("view", remote_field.model).is_held_by(ambient.actor())
    return _link(self, remote_field, remote_obj) if may_read else str(remote_obj)


AdminReadonlyField.get_admin_url = _link_of_readable  # type: ignore[method-assign]
