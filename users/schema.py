"""Accounts in GraphQL: the queries and mutations. Their types are in users.types."""

from typing import Any

import graphene
from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from graphql import GraphQLResolveInfo

from core.auth import tokens
from core.auth.guests import Guest
from core.errors import ErrorCode, InvalidInput
from core.graphql.errors import refused, unauthenticated, user_errors
from core.http.proxies import client_address
from users import deletion, models, profile, services
from users.refresh_tokens import SignedIn
from users.types import (
    JOINING,
    EmailChangeRequestInput,
    GuestTokenPayload,
    PasswordChangeInput,
    PasswordResetInput,
    ProfileUpdateInput,
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
        description="Makes an account and signs it in. The welcome e-mail follows one day later. Needs no token.",
    )
    guest_token_create = graphene.Field(
        GuestTokenPayload,
        description="A token without an account, for a cart before sign-in. Writes nothing. Sent with a guest token, "
        "it renews that: the cart stays the same. Needs no token; FORBIDDEN in a shop without guest carts "
        "(`shop.guestCarts`).",
    )
    token_auth = graphene.Field(
        TokenPayload,
        email=graphene.String(required=True),
        password=graphene.String(required=True),
        guest_token=graphene.String(description=JOINING),
        description="Signs in. With a guestToken the guest's cart joins the account's. Needs no token.",
    )
    refresh_token = graphene.Field(
        TokenPayload,
        refresh_token=graphene.String(required=True),
        description="A new pair for a refresh token, which is spent by this. A spent one signs its whole family out. "
        "Needs no access token.",
    )
    verify_token = graphene.Field(
        VerifyPayload,
        token=graphene.String(required=True),
        description="Whether an access token or a guest token holds now. Needs no token but that one.",
    )
    revoke_token = graphene.Field(
        RevokePayload,
        refresh_token=graphene.String(required=True),
        description="Signs this device out: its refresh tokens end; the access token lives out its minutes. Needs no "
        "access token.",
    )
    revoke_all_tokens = graphene.Field(
        RevokePayload, description="Signs every device out, at once. For whoever is signed in."
    )
    password_change = graphene.Field(
        TokenPayload,
        input=PasswordChangeInput(required=True),
        description="Sets a new password, ends every token, the caller's too, and answers a new pair. For whoever is "
        "signed in.",
    )
    password_reset_request = graphene.Field(
        RequestedPayload,
        email=graphene.String(required=True),
        description="Sends a link to set a new password. Always answers the same, whether or not the address has an "
        "account. The mail goes to the stored address. Needs no token.",
    )
    password_reset = graphene.Field(
        UserPayload,
        input=PasswordResetInput(required=True),
        description="Sets a new password with what the mailed link carries, and ends every token. Needs no token but "
        "that.",
    )
    profile_update = graphene.Field(
        UserPayload,
        input=ProfileUpdateInput(required=True),
        description="Changes the caller's names. For whoever is signed in.",
    )
    email_change_request = graphene.Field(
        RequestedPayload,
        input=EmailChangeRequestInput(required=True),
        description="Sends a link to the new address; the address changes when emailChangeConfirm brings its token. "
        "Answers the same, whether or not the new address has an account. For whoever is signed in.",
    )
    email_change_confirm = graphene.Field(
        UserPayload,
        token=graphene.String(required=True),
        description="Changes the address. Tokens stay valid; a notice goes to the former address. Needs no token but "
        "that of the mailed link.",
    )
    account_delete = graphene.Field(
        RequestedPayload,
        password=graphene.String(required=True),
        description="Ends the account and all its tokens; carts and personal data are erased. For whoever is signed "
        "in.",
    )

    @staticmethod
    def resolve_register(root: None, info: GraphQLResolveInfo, input: dict[str, Any]) -> RegisterPayload:
        # A name that is null counts as not given.
        values = {name: value for name, value in input.items() if value is not None}
        try:
            signed_in = services.register(**values, address=client_address(info.context))
        except InvalidInput as error:
            return RegisterPayload(errors=refused(info.context, error))
        return RegisterPayload(**_signed_in(signed_in))

    @staticmethod
    def resolve_guest_token_create(root: None, info: GraphQLResolveInfo) -> GuestTokenPayload:
        if not settings.GUEST_CARTS:
            message = "This shop has no guest carts: sign in first."
            return GuestTokenPayload(
                errors=refused(info.context, InvalidInput.at(message=message, code=ErrorCode.FORBIDDEN))
            )
        viewer = info.context.user
        token = tokens.issue_for_guest(viewer if isinstance(viewer, Guest) else None)
        return GuestTokenPayload(**vars(token), errors=[])

    @staticmethod
    def resolve_token_auth(root: None, info: GraphQLResolveInfo, **credentials: Any) -> TokenPayload:
        try:
            signed_in = services.sign_in(**credentials, address=client_address(info.context))
        except InvalidInput as error:
            return TokenPayload(errors=refused(info.context, error))
        return TokenPayload(**_signed_in(signed_in))

    @staticmethod
    def resolve_refresh_token(root: None, info: GraphQLResolveInfo, refresh_token: str) -> TokenPayload:
        try:
            signed_in = services.refresh(token=refresh_token, address=client_address(info.context))
        except InvalidInput as error:
            return TokenPayload(errors=refused(info.context, error))
        return TokenPayload(**_signed_in(signed_in))

    @staticmethod
    def resolve_verify_token(root: None, info: GraphQLResolveInfo, token: str) -> VerifyPayload:
        try:
            holder, expires_at = tokens.verify(token)
        except tokens.TokenRefused:
            return VerifyPayload(valid=False)
        user = None if isinstance(holder, Guest) else holder
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
        return TokenPayload(**_signed_in(signed_in))

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

    @staticmethod
    def resolve_profile_update(root: None, info: GraphQLResolveInfo, input: dict[str, str | None]) -> UserPayload:
        user = _viewer(info)
        try:
            user = profile.update_profile(user=user, **input)
        except InvalidInput as error:
            return UserPayload(errors=refused(info.context, error))
        return UserPayload(user=user, errors=[])

    @staticmethod
    def resolve_email_change_request(root: None, info: GraphQLResolveInfo, input: dict[str, str]) -> RequestedPayload:
        user = _viewer(info)
        try:
            profile.request_email_change(user=user, **input, address=client_address(info.context))
        except InvalidInput as error:
            return RequestedPayload(requested=False, errors=refused(info.context, error))
        return RequestedPayload(requested=True, errors=[])

    @staticmethod
    def resolve_email_change_confirm(root: None, info: GraphQLResolveInfo, token: str) -> UserPayload:
        try:
            user = profile.confirm_email_change(token=token, address=client_address(info.context))
        except InvalidInput as error:
            return UserPayload(errors=refused(info.context, error))
        return UserPayload(user=user, errors=[])

    @staticmethod
    def resolve_account_delete(root: None, info: GraphQLResolveInfo, password: str) -> RequestedPayload:
        user = _viewer(info)
        try:
            deletion.delete_account(user=user, password=password, address=client_address(info.context))
        except InvalidInput as error:
            return RequestedPayload(requested=False, errors=refused(info.context, error))
        # Nobody is signed in for the rest of the document.
        info.context.user = AnonymousUser()
        return RequestedPayload(requested=True, errors=[])


def _signed_in(signed_in: SignedIn) -> dict[str, Any]:
    """The fields of a payload."""
    return {**vars(signed_in), "errors": user_errors(signed_in.errors)}


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
