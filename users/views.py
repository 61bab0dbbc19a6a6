"""Accounts in REST."""

from collections.abc import Mapping
from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.exceptions import APIException, AuthenticationFailed
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer
from rest_framework.views import APIView

from core.auth.bearer import BearerAuthentication
from core.errors import ErrorCode, InvalidInput
from core.http.proxies import client_address
from core.rest.errors import api_exception, error_responses
from core.throttling.budget import PASSWORD_COST
from users import services
from users.serializers import CredentialsSerializer, RefreshSerializer, RegistrationSerializer, TokenSerializer

# GraphQL's field names that are not REST's.
NAMES = {"firstName": "first_name", "lastName": "last_name"}
UNAUTHORIZED = {ErrorCode.INVALID_CREDENTIALS, ErrorCode.INVALID_TOKEN}


class NoAuthentication(BearerAuthentication):
    """Ignores the request's token, so that an expired one does not prevent getting a new one."""

    def authenticate(self, request: Request) -> None:
        """Always anonymous."""


class _PublicView(APIView):
    """A view that issues tokens, and so needs none."""

    authentication_classes = [NoAuthentication]
    permission_classes = [AllowAny]


def _read(serializer: type[Serializer[Any]], request: Request) -> Mapping[str, str]:
    """The validated body. Raises ValidationError."""
    body = serializer(data=request.data)
    body.is_valid(raise_exception=True)
    values: dict[str, str] = body.validated_data
    return values


def _shown(error: InvalidInput) -> APIException:
    """The domain error in REST's form: 401 for wrong credentials or tokens, else 429 or 400."""
    field_error = error.field_errors[0]
    if field_error.code in UNAUTHORIZED:
        return AuthenticationFailed(field_error.message, code=field_error.code.lower())
    return api_exception(error, NAMES)


class RegisterView(_PublicView):
    """Make an account."""

    cost = PASSWORD_COST

    @extend_schema(
        operation_id="register",
        summary="Make an account and sign it in",
        description="Answers a pair of tokens; a known address is 400, `already_exists`. A welcome mail follows.",
        request=RegistrationSerializer,
        responses={201: TokenSerializer, **error_responses(400, 413, 415)},
        auth=[],
        tags=["auth"],
        examples=[
            OpenApiExample(
                "A new shopper",
                value={"email": "ann@example.com", "password": "correct-horse-7", "first_name": "Ann"},
                request_only=True,
            )
        ],
    )
    def post(self, request: Request) -> Response:
        account = _read(RegistrationSerializer, request)
        try:
            signed_in = services.register(**account, address=client_address(request))
        except InvalidInput as error:
            raise _shown(error) from None
        return Response(TokenSerializer(signed_in).data, status=201)


class TokenView(_PublicView):
    """Sign in."""

    cost = PASSWORD_COST

    @extend_schema(
        operation_id="token",
        summary="Sign in",
        description="Answers a pair of tokens for right credentials; wrong ones are 401, whichever of the two it is.",
        request=CredentialsSerializer,
        responses={200: TokenSerializer, **error_responses(400, 401, 413, 415)},
        auth=[],
        tags=["auth"],
        examples=[
            OpenApiExample(
                "The demo's shopper",
                value={"email": "shopper@example.com", "password": "vitrine-demo"},
                request_only=True,
            )
        ],
    )
    def post(self, request: Request) -> Response:
        credentials = _read(CredentialsSerializer, request)
        try:
            signed_in = services.sign_in(**credentials, address=client_address(request))
        except InvalidInput as error:
            raise _shown(error) from None
        return Response(TokenSerializer(signed_in).data)


class RefreshView(_PublicView):
    """Go on being signed in."""

    @extend_schema(
        operation_id="refresh",
        summary="A new pair for a refresh token",
        description="The refresh token is spent by this. One that is unknown, expired, spent or revoked is 401; "
        "one that was spent a while ago signs its device out, for two may be using it.",
        request=RefreshSerializer,
        responses={200: TokenSerializer, **error_responses(400, 401, 413, 415)},
        auth=[],
        tags=["auth"],
        examples=[
            OpenApiExample(
                "From the last answer",
                value={"refresh_token": "the-refresh-token-of-the-last-answer"},
                request_only=True,
            )
        ],
    )
    def post(self, request: Request) -> Response:
        token = _read(RefreshSerializer, request)["refresh_token"]
        try:
            signed_in = services.refresh(token=token, address=client_address(request))
        except InvalidInput as error:
            raise _shown(error) from None
        return Response(TokenSerializer(signed_in).data)
