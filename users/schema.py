"""Accounts in GraphQL: the queries and mutations. Their types are in users.types."""

from typing import Any

import graphene
from django.contrib.auth.models import AnonymousUser
from graphql import GraphQLResolveInfo

from core.auth import tokens
from core.errors import InvalidInput
from core.graphql.errors import refused, unauthenticated
from core.http.proxies import client_address
from users import models, services
from users.types import (
    PasswordChangeInput,
    PasswordResetInput,
    RegisterInput,
    RegisterPayload,
    RequestedPayload,
    RevokePayload,
    TokenPayload,
    User,
    UserPayload,
    VerifyPayload,
)


class UsersQuery(graphene.ObjectType):
    me = graphene.Field(User, description="The signed-in user; null without a valid token.")

    @staticmethod
    def resolve_me(root: None, info: GraphQLResolveInfo) -> models.User | None:
        viewer = info.context.user
        return None if isinstance(viewer, AnonymousUser) else viewer


class UsersMutation(graphene.ObjectType):
    register = graphene.Field(
        RegisterPayload,
        input=RegisterInput(required=True),
        description="Make an account and sign it in. The welcome e-mail follows one day later.",
    )
    token_auth = graphene.Field(
        TokenPayload,
        email=graphene.String(required=True),
        password=graphene.String(required=True),
        description="Sign in.",
    )
    refresh_token = graphene.Field(
        TokenPayload,
        refresh_token=graphene.String(required=True),
        description="A new pair for a refresh token, which is spent by this. A spent one signs its whole family out.",
    )
    verify_token = graphene.Field(VerifyPayload, token=graphene.String(required=True))
    revoke_token = graphene.Field(
        RevokePayload,
        refresh_token=graphene.String(required=True),
        description="Sign this device out: its refresh tokens end; the access token lives out its minutes.",
    )
    revoke_all_tokens = graphene.Field(RevokePayload, description="Sign every device out, at once.")
    password_change = graphene.Field(
        TokenPayload,
        input=PasswordChangeInput(required=True),
        description="Ends every token, the caller's too, and answers a new pair.",
    )
    password_reset_request = graphene.Field(
        RequestedPayload,
        email=graphene.String(required=True),
        description="Always answers the same, whether or not the address has an account. "
        "The mail goes to the stored address.",
    )
    password_reset = graphene.Field(UserPayload, input=PasswordResetInput(required=True))

    @staticmethod
    def resolve_register(root: None, info: GraphQLResolveInfo, input: dict[str, Any]) -> RegisterPayload:
        # A name that is null counts as not given.
        values = {name: value for name, value in input.items() if value is not None}
        try:
            signed_in = services.register(**values, address=client_address(info.context))
        except InvalidInput as error:
            return RegisterPayload(errors=refused(info.context, error))
        return RegisterPayload(**vars(signed_in), errors=[])

    @staticmethod
    def resolve_token_auth(root: None, info: GraphQLResolveInfo, email: str, password: str) -> TokenPayload:
        try:
            signed_in = services.sign_in(email=email, password=password, address=client_address(info.context))
        except InvalidInput as error:
            return TokenPayload(errors=refused(info.context, error))
        return TokenPayload(**vars(signed_in), errors=[])

    @staticmethod
    def resolve_refresh_token(root: None, info: GraphQLResolveInfo, refresh_token: str) -> TokenPayload:
        try:
            signed_in = services.refresh(token=refresh_token, address=client_address(info.context))
        except InvalidInput as error:
            return TokenPayload(errors=refused(info.context, error))
        return TokenPayload(**vars(signed_in), errors=[])

    @staticmethod
    def resolve_verify_token(root: None, info: GraphQLResolveInfo, token: str) -> VerifyPayload:
        try:
            user, expires_at = tokens.verify(token)
        except tokens.TokenRefused:
            return VerifyPayload(valid=False)
        return VerifyPayload(valid=True, expires_at=expires_at, user=user)

    @staticmethod
    def resolve_revoke_token(root: None, info: GraphQLResolveInfo, refresh_token: str) -> RevokePayload:
        """Needs no sign-in: whoever holds the token may end it. An unknown one is no error (RFC 7009 §2.2)."""
        services.revoke(token=refresh_token)
        return RevokePayload(revoked=True, errors=[])

    @staticmethod
    def resolve_revoke_all_tokens(root: None, info: GraphQLResolveInfo) -> RevokePayload:
        services.revoke_all(user=_viewer(info))
        return RevokePayload(revoked=True, errors=[])

    @staticmethod
    def resolve_password_change(root: None, info: GraphQLResolveInfo, input: dict[str, str]) -> TokenPayload:
        user = _viewer(info)
        try:
            signed_in = services.change_password(user=user, **input, address=client_address(info.context))
        except InvalidInput as error:
            return TokenPayload(errors=refused(info.context, error))
        return TokenPayload(**vars(signed_in), errors=[])

    @staticmethod
    def resolve_password_reset_request(root: None, info: GraphQLResolveInfo, email: str) -> RequestedPayload:
        try:
            services.request_password_reset(email=email, address=client_address(info.context))
        except InvalidInput as error:
            return RequestedPayload(requested=False, errors=refused(info.context, error))
        return RequestedPayload(requested=True, errors=[])

    @staticmethod
    def resolve_password_reset(root: None, info: GraphQLResolveInfo, input: dict[str, str]) -> UserPayload:
        try:
            user = services.reset_password(**input, address=client_address(info.context))
        except InvalidInput as error:
            return UserPayload(errors=refused(info.context, error))
        return UserPayload(user=user, errors=[])


def _viewer(info: GraphQLResolveInfo) -> models.User:
    """The signed-in user. Raises the UNAUTHENTICATED error."""
    user: models.User | AnonymousUser = info.context.user
    if isinstance(user, AnonymousUser):
        raise unauthenticated()
    return user


def user_node(info: GraphQLResolveInfo, key: int) -> models.User | None:
    """The viewer, when the key is theirs."""
    return info.context.user if info.context.user.pk == key else None


NODES = {"User": user_node}
