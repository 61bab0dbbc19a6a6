"""The same token for the REST door, and who may read the catalogue."""

from django.conf import settings
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from core.auth.tokens import TokenRefused, bearer_token, challenge, verify


class BearerAuthentication(BaseAuthentication):
    """`Authorization: Bearer <access token>`; a token that does not hold is 401, never anonymous."""

    def authenticate(self, request: Request) -> tuple[object, str] | None:
        """The user and the token; None without a token. Raises AuthenticationFailed."""
        token = bearer_token(request)
        if token is None:
            return None
        try:
            return verify(token)[0], token
        except TokenRefused as refused:
            request._request.token_refused = refused.reason  # type: ignore[attr-defined]
            code = f"token_{refused.reason.lower()}"
            raise AuthenticationFailed(refused.reason.message, code=code) from None

    def authenticate_header(self, request: Request) -> str:
        """What WWW-Authenticate says."""
        return challenge(getattr(request._request, "token_refused", None))


class CatalogRule(BasePermission):
    """The catalogue is for signed-in users, or for everyone with CATALOG_PUBLIC."""

    def has_permission(self, request: Request, view: object) -> bool:
        """Whether the request may read the catalogue."""
        return settings.CATALOG_PUBLIC or request.user.is_authenticated
