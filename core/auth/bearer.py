"""REST framework's authentication by access token."""

from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from core.auth.tokens import TokenRefused, bearer_token, challenge, refusal_reason, verify


class BearerAuthentication(BaseAuthentication):
    """`Authorization: Bearer <access or guest token>`. A token that is not valid is 401, never anonymous."""

    def authenticate(self, request: Request) -> tuple[object, str] | None:
        """The user or guest and the token, or None without a token. Raises AuthenticationFailed."""
        token = bearer_token(request)
        if token is None:
            return None
        try:
            return verify(token)[0], token
        except TokenRefused as refused:
            refusal_reason.set(request._request, refused.reason)
            code = f"token_{refused.reason.lower()}"
            raise AuthenticationFailed(refused.reason.message, code=code) from None

    def authenticate_header(self, request: Request) -> str:
        """The value of WWW-Authenticate."""
        return challenge(refusal_reason.get(request._request))
