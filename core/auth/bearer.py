"""The same token for the REST API."""

from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
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
