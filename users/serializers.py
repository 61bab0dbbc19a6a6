"""Serializers of accounts: the bodies and answers of REST."""

from typing import Any

from graphql_relay import to_global_id
from rest_framework import serializers

from core.rest.parameters import DateTimeParameter, TextField
from users import models
from users.validators import MAX_EMAIL_LENGTH, MAX_NAME_LENGTH, MAX_PASSWORD_LENGTH


class PasswordField(TextField):
    """A password. White space at its ends counts too."""

    def __init__(self, **kwargs: Any) -> None:
        style = {"input_type": "password"}
        super().__init__(max_length=MAX_PASSWORD_LENGTH, trim_whitespace=False, style=style, **kwargs)


class CredentialsSerializer(serializers.Serializer[Any]):
    """An e-mail address, in any case, and its password."""

    email = TextField(max_length=MAX_EMAIL_LENGTH, help_text="In any case.")
    password = PasswordField(help_text="White space at its ends counts.")


class RegistrationSerializer(serializers.Serializer[Any]):
    """A new account."""

    email = TextField(max_length=MAX_EMAIL_LENGTH, help_text="No other account may have it, in any case.")
    password = PasswordField(help_text="A weak one is refused, and the error says why.")
    first_name = TextField(
        max_length=MAX_NAME_LENGTH, allow_blank=True, required=False, help_text="May be left out, or changed later."
    )
    last_name = TextField(
        max_length=MAX_NAME_LENGTH, allow_blank=True, required=False, help_text="May be left out, or changed later."
    )


class RefreshSerializer(serializers.Serializer[Any]):
    """A refresh token, which is spent by this."""

    refresh_token = TextField(max_length=1024, help_text="From the last answer that had one.")


class UserSerializer(serializers.Serializer[Any]):
    """An account."""

    id = serializers.SerializerMethodField(help_text="GraphQL's global id.")
    email = serializers.EmailField(help_text="As it was typed.")
    first_name = serializers.CharField(help_text="May be empty.")
    last_name = serializers.CharField(help_text="May be empty.")
    is_staff = serializers.BooleanField(help_text="Whether the account belongs to the shop's staff.")
    date_joined = DateTimeParameter(help_text="When the account was made.")

    def get_id(self, user: models.User) -> str:
        """The id that GraphQL uses too."""
        return to_global_id("User", user.pk)


class TokenSerializer(serializers.Serializer[Any]):
    """A new pair of tokens and whom they speak for."""

    user = UserSerializer()
    token = serializers.CharField(help_text="The access token, for `Authorization: Bearer …`.")
    refresh_token = serializers.CharField(help_text="For `auth/token/refresh/`, once, within 30 days.")
    expires_at = DateTimeParameter(help_text="When the access token's life ends.")
