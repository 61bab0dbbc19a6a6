"""The two accounts to sign in with. Their password is public, so they are created with DEBUG only."""

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group

from core.auth import shop_staff

PASSWORD = "vitrine-demo"  # noqa: S105
ACCOUNTS: dict[str, dict[str, bool]] = {
    "shopper@example.com": {},
    "staff@example.com": {"is_staff": True, "is_superuser": True},
}


def add_accounts() -> list[str]:
    """Creates the accounts that are missing and returns their addresses. Existing accounts are left as they are."""
    users = get_user_model()
    added = []
    for email, rights in ACCOUNTS.items():
        try:
            users.objects.get_by_natural_key(email)
        except users.DoesNotExist:
            user = users.objects.create_user(email, PASSWORD, **rights)
            if user.is_staff:
                user.groups.set(Group.objects.filter(name=shop_staff.NAME))
            added.append(email)
    return added
