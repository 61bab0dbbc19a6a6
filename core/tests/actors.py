"""Accounts of each kind that the policy distinguishes, and snapshots of the database to compare."""

from django.contrib.auth.models import Group, Permission
from django.core import serializers
from django.db.models import Model

from core.auth import shop_staff
from users.models import User
from users.tests.factories import UserFactory

# All kinds but the holder of exactly the needed permission (see holder).
ACTORS = ["nobody", "shopper", "shopper with all", "staff", "staff with the others", "shop staff", "superuser", "ended"]


def permission(name: str) -> Permission:
    """The permission of a name such as "catalog.add_product"."""
    app, _, codename = name.partition(".")
    return Permission.objects.get(content_type__app_label=app, codename=codename)


def holder(*names: str) -> User:
    """Staff with exactly these permissions."""
    user = UserFactory(is_staff=True)
    user.user_permissions.set(permission(name) for name in names)
    return user


def actor(kind: str, needed: str = "") -> User | None:
    """An account of the kind; None for nobody. "ended" is an account that is deactivated once it has its token."""
    if kind == "nobody":
        return None
    rights = {"superuser": {"is_superuser": True}, "ended": {"is_superuser": True}}.get(kind, {})
    user = UserFactory(is_staff="shopper" not in kind, **rights)
    if kind == "shopper with all":
        user.user_permissions.set(Permission.objects.all())
    if kind == "staff with the others":
        user.user_permissions.set(Permission.objects.exclude(pk=permission(needed).pk))
    if kind == "shop staff":
        user.groups.set(Group.objects.filter(name=shop_staff.NAME))
    return user


def may(kind: str, needed: str) -> bool:
    """Whether an actor of the kind passes a check of the permission."""
    return kind in ("superuser", "holder") or (kind == "shop staff" and needed in SHOP_STAFF)


SHOP_STAFF = {
    *(
        f"catalog.{action}_{model}"
        for model in (
            *("product", "category", "brand", "productimage", "synonym", "searchrule"),
            *("attribute", "attributevalue", "productgroup"),
        )
        for action in ("add", "change", "delete", "view")
    ),
    *("catalog.view_importjob", "catalog.view_bulkchange", "catalog.view_searchcount"),
    *("cart.view_cart", "cart.view_cartline"),
    *("users.change_outgoingmail", "users.view_outgoingmail"),
}


def state(*models: type[Model]) -> str:
    """All rows of the models as text, without the times of changes and sign-ins."""
    rows = [row for model in models for row in model._default_manager.order_by("pk")]
    return "\n".join(
        line
        for line in serializers.serialize("json", rows, indent=0).splitlines()
        if not line.startswith(('"last_login"', '"updated_at"'))
    )
