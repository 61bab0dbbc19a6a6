"""Who may do what with the catalogue, the same for GraphQL, REST and the admin.

Services check the permissions below before each write, so that no API can forget to. Categories and brands can be
changed in the admin only, with Django's permissions.
"""

from django.conf import settings
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from catalog.images.models import ProductImage
from catalog.models import Attribute, AttributeValue, ImportJob, Product, ProductGroup, SearchRule, Synonym
from core.auth import policy
from core.auth.policy import Actor, Permission

# Includes making the attributes, values and groups that a product names, as when it is changed.
CREATE_PRODUCTS = Permission("add", Product)
# Includes archiving and restoring by the admin's actions or by `productUpdate` with `isActive`.
CHANGE_PRODUCTS = Permission("change", Product)
# GraphQL's `productDelete`, which archives the product.
ARCHIVE_PRODUCTS = Permission("delete", Product)

# As a CSV file.
EXPORT_PRODUCTS = Permission("view", Product)
# To see what was imported, and the rows that were refused.
VIEW_IMPORTS = Permission("view", ImportJob)
# To upload a file, start its import and cancel it: all of these.
IMPORT_PRODUCTS = (CREATE_PRODUCTS, CHANGE_PRODUCTS, VIEW_IMPORTS)

ADD_IMAGES = Permission("add", ProductImage)
# To describe, move or retry them.
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
    """True for signed-in viewers, and with CATALOG_PUBLIC for everyone."""
    return settings.CATALOG_PUBLIC or viewer.is_authenticated


def may_import(actor: Actor) -> bool:
    """Whether the actor has all permissions that an import needs."""
    return all(permission.is_held_by(actor) for permission in IMPORT_PRODUCTS)


def check_may_import(actor: Actor) -> None:
    """Raises InvalidInput (FORBIDDEN) unless the actor may import products."""
    for permission in IMPORT_PRODUCTS:
        permission.check(actor)


def sees_hidden(viewer: Actor) -> bool:
    """Whether the viewer also sees archived products and images that are not READY. Only staff do."""
    return policy.is_staff(viewer)


class MayReadCatalogue(BasePermission):
    """`may_read` as a REST view's permission."""

    def has_permission(self, request: Request, view: object) -> bool:
        return may_read(request.user)


class MayAddImages(BasePermission):
    """ADD_IMAGES as a REST view's permission."""

    message = f"This needs the permission {ADD_IMAGES}."

    def has_permission(self, request: Request, view: object) -> bool:
        return ADD_IMAGES.is_held_by(request.user)
