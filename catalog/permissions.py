"""The policy as REST views ask it: 401 without a valid token, 403 for who is signed in but may not."""

from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from catalog.images.models import ProductImage
from catalog.policy import may_read
from core.auth import policy


class CatalogRule(BasePermission):
    """Whoever may read the catalogue."""

    def has_permission(self, request: Request, view: object) -> bool:
        """Whether the request's user may."""
        return may_read(request.user)


class MayAddImages(BasePermission):
    """Whoever may add images."""

    message = "This needs the permission catalog.add_productimage."

    def has_permission(self, request: Request, view: object) -> bool:
        """Whether the request's user may."""
        return policy.may(request.user, "add", ProductImage)
