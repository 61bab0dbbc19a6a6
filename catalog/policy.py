"""Who may do what with the catalogue, the same for GraphQL, REST and the admin.

Services check the permissions below before each write, so that no API can forget to.
"""

from django.conf import settings
from rest_framework.exceptions import NotAuthenticated
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from catalog.images.models import ProductImage
from catalog.models import (
    Attribute,
    AttributeValue,
    Brand,
    BulkChange,
    Category,
    ImportJob,
    Product,
    ProductGroup,
    SearchCount,
    SearchRule,
    Synonym,
)
from core.auth import policy
from core.auth.guests import Guest
from core.auth.policy import Actor, Permission

# Includes making the attributes, values and groups that a product names, as when it is changed.
CREATE_PRODUCTS = Permission("add", Product)
# Includes archiving and restoring by the admin's actions or by `productUpdate` with `isActive`.
CHANGE_PRODUCTS = Permission("change", Product)
# GraphQL's `productDelete`, which archives the product.
ARCHIVE_PRODUCTS = Permission("delete", Product)

CREATE_CATEGORIES = Permission("add", Category)
CHANGE_CATEGORIES = Permission("change", Category)
DELETE_CATEGORIES = Permission("delete", Category)
CREATE_BRANDS = Permission("add", Brand)
CHANGE_BRANDS = Permission("change", Brand)
DELETE_BRANDS = Permission("delete", Brand)

# As a CSV file.
EXPORT_PRODUCTS = Permission("view", Product)
# To see what was imported, and the rows that were refused.
VIEW_IMPORTS = Permission("view", ImportJob)
# What people search for.
VIEW_SEARCHES = Permission("view", SearchCount)
# To upload a file, start its import and cancel it: all of these.
IMPORT_PRODUCTS = (CREATE_PRODUCTS, CHANGE_PRODUCTS, VIEW_IMPORTS)

# To see what was changed in bulk, how far it is, and what stayed.
VIEW_BULK_CHANGES = Permission("view", BulkChange)
# To change many products at once, and to cancel and undo that: all of these.
CHANGE_IN_BULK = (CHANGE_PRODUCTS, VIEW_BULK_CHANGES)

ADD_IMAGES = Permission("add", ProductImage)
# To describe, move, replace or retry them.
CHANGE_IMAGES = Permission("change", ProductImage)
DELETE_IMAGES = Permission("delete", ProductImage)

CREATE_SYNONYMS = Permission("add", Synonym)
CHANGE_SYNONYMS = Permission("change", Synonym)
DELETE_SYNONYMS = Permission("delete", Synonym)
CREATE_RULES = Permission("add", SearchRule)
# Includes the products that a rule pins and hides.
CHANGE_RULES = Permission("change", SearchRule)
DELETE_RULES = Permission("delete", SearchRule)

# Whoever may create or change products may also give them new attributes, new values and a new group.
CREATE_ATTRIBUTES = Permission("add", Attribute)
CHANGE_ATTRIBUTES = Permission("change", Attribute)
DELETE_ATTRIBUTES = Permission("delete", Attribute)
CREATE_VALUES = Permission("add", AttributeValue)
# To merge two values needs both.
CHANGE_VALUES = Permission("change", AttributeValue)
DELETE_VALUES = Permission("delete", AttributeValue)
CREATE_GROUPS = Permission("add", ProductGroup)
# Includes taking products in and out.
CHANGE_GROUPS = Permission("change", ProductGroup)
DELETE_GROUPS = Permission("delete", ProductGroup)


def may_read(viewer: Actor) -> bool:
    """True for signed-in viewers and guests, and with CATALOG_PUBLIC for everyone."""
    return settings.CATALOG_PUBLIC or viewer.is_authenticated or isinstance(viewer, Guest)


def may_import(actor: Actor) -> bool:
    """Whether the actor has all permissions that an import needs."""
    return all(permission.is_held_by(actor) for permission in IMPORT_PRODUCTS)


def check_may_import(actor: Actor) -> None:
    """Raises InvalidInput (FORBIDDEN) unless the actor may import products."""
    for permission in IMPORT_PRODUCTS:
        permission.check(actor)


def may_change_in_bulk(actor: Actor) -> bool:
    """Whether the actor has all permissions that a bulk change needs."""
    return all(permission.is_held_by(actor) for permission in CHANGE_IN_BULK)


def check_may_change_in_bulk(actor: Actor) -> None:
    """Raises InvalidInput (FORBIDDEN) unless the actor may change products in bulk."""
    for permission in CHANGE_IN_BULK:
        permission.check(actor)


def sees_hidden(viewer: Actor) -> bool:
    """Whether the viewer also sees archived products and images that are not READY. Only staff do."""
    return policy.is_staff(viewer)


def view_of(viewer: Actor) -> str | None:
    """What the viewer sees of the catalogue. All viewers with the same view see the same; None: nothing."""
    if not may_read(viewer):
        return None
    return "everything" if sees_hidden(viewer) else "shown"


class MayReadCatalogue(BasePermission):
    """`may_read` as a REST view's permission."""

    def has_permission(self, request: Request, view: object) -> bool:
        return may_read(request.user)


class MayAddImages(BasePermission):
    """ADD_IMAGES as a REST view's permission."""

    message = f"This needs the permission {ADD_IMAGES}."

    def has_permission(self, request: Request, view: object) -> bool:
        # Guests have a token and no account. They are told to sign in (401), as nobody is.
        if not request.user.is_authenticated:
            raise NotAuthenticated
        return ADD_IMAGES.is_held_by(request.user)
