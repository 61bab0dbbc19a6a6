"""The GraphQL types of accounts."""

import graphene

from core.graphql.connections import list_of
from core.graphql.errors import UserError
from core.graphql.nodes import Node, NodeType
from core.graphql.scalars import DateTime
from users import models

JOINING = (
    "The cart of this guest joins the account's: quantities add up to what stock and limits allow, once. What does not "
    "fit, and a token that does not hold, is told in errors, beside the account's token."
)


class User(NodeType):
    """An account; one sees only one's own."""

    class Meta:
        model = models.User
        fields = ("email", "first_name", "last_name", "is_staff", "date_joined")
        interfaces = (Node,)
        use_connection = False


class _Errors(graphene.ObjectType):
    """What every payload has."""

    class Meta:
        abstract = True

    errors = graphene.Field(list_of(UserError))


class TokenPayload(_Errors):
    """expiresAt is the access token's, refreshExpiresAt the refresh token's."""

    user = graphene.Field(User)
    token = graphene.String()
    refresh_token = graphene.String()
    expires_at = graphene.Field(DateTime)
    refresh_expires_at = graphene.Field(DateTime)


class GuestTokenPayload(_Errors):
    """A guest token, and the moment it expires."""

    token = graphene.String()
    expires_at = graphene.Field(DateTime)


class RegisterPayload(_Errors):
    """A new account, signed in."""

    user = graphene.Field(User)
    token = graphene.String()
    refresh_token = graphene.String()
    expires_at = graphene.Field(DateTime)
    refresh_expires_at = graphene.Field(DateTime)


class VerifyPayload(graphene.ObjectType):
    """Whether a token holds now, and for whom. The user of a guest token is null."""

    valid = graphene.Boolean(required=True)
    expires_at = graphene.Field(DateTime)
    user = graphene.Field(User)


class RevokePayload(_Errors):
    """Whether tokens have ended."""

    revoked = graphene.Boolean(required=True)


class UserPayload(_Errors):
    """The account that was changed."""

    user = graphene.Field(User)


class RequestedPayload(_Errors):
    """Whether the request was taken; not whether there is such an account."""

    requested = graphene.Boolean(required=True)


class RegisterInput(graphene.InputObjectType):
    """A new account; names are optional."""

    email = graphene.String(required=True)
    password = graphene.String(required=True)
    first_name = graphene.String()
    last_name = graphene.String()
    guest_token = graphene.String(description=JOINING)


class ProfileUpdateInput(graphene.InputObjectType):
    """The names to change. What is left out keeps its value; null empties it."""

    first_name = graphene.String()
    last_name = graphene.String()


class EmailChangeRequestInput(graphene.InputObjectType):
    """The address to come, and the password of today."""

    new_email = graphene.String(required=True)
    password = graphene.String(required=True)


class PasswordChangeInput(graphene.InputObjectType):
    """The password of today and of tomorrow."""

    current_password = graphene.String(required=True)
    new_password = graphene.String(required=True)


class PasswordResetInput(graphene.InputObjectType):
    """What the mailed link carries, and the new password."""

    uid = graphene.String(required=True)
    token = graphene.String(required=True)
    new_password = graphene.String(required=True)
