"""Serializers of accounts: the bodies and answers of REST."""

from typing import Any

from graphql_relay import to_global_id
from rest_framework import serializers

from core.rest.parameters import DateTimeParameter, TextField
from users import models
from users.validators import MAX_EMAIL_LENGTH, MAX_NAME_LENGTH, MAX_PASSWORD_LENGTH


class PasswordField(TextField):
    """A password. White space at its ends counts too."""

    def __init__(self) -> None:
        super().__init__(max_length=MAX_PASSWORD_LENGTH, trim_whitespace=False, style={"input_type": "password"})


class CredentialsSerializer(serializers.Serializer[Any]):
    """An e-mail address, in any case, and its password."""

    email = TextField(max_length=MAX_EMAIL_LENGTH)
    password = PasswordField()


class RegistrationSerializer(serializers.Serializer[Any]):
    """A new account."""

    email = TextField(max_length=MAX_EMAIL_LENGTH)
    password = PasswordField()
    first_name = TextField(max_length=MAX_NAME_LENGTH, allow_blank=True, required=False)
    last_name = TextField(max_length=MAX_NAME_LENGTH, allow_blank=True, required=False)


class RefreshSerializer(serializers.Serializer[Any]):
    """A refresh token, which is spent by this."""

    refresh_token = TextField(max_length=1024)


class UserSerializer(serializers.Serializer[Any]):
    """An account."""

    id = serializers.SerializerMethodField(help_text="GraphQL's global id.")
    email = serializers.EmailField()
    first_name = serializers.CharField()
    last_name = serializers.CharField()
    is_staff = serializers.BooleanField()
    date_joined = DateTimeParameter()

    def get_id(self, user: models.User) -> str:
        """The id that GraphQL uses too."""
        return to_global_id("User", user.pk)


class TokenSerializer(serializers.Serializer[Any]):
    """A new pair of tokens and whom they speak for."""

    user = UserSerializer()
    token = serializers.CharField(help_text="The access token, for `Authorization: Bearer …`.")
    refresh_token = serializers.CharField(help_text="For `auth/token/refresh/`, once, within 30 days.")
    expires_at = DateTimeParameter(help_text="When the access token's life ends.")
