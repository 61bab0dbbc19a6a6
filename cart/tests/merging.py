"""A guest, and the sign-in that takes the guest's cart over."""

from typing import Any

from core.auth import tokens
from core.tests.clients import Api
from users.tests.operations import FACTORY_PASSWORD

SIGN_IN = """mutation($email: String!, $password: String!, $guest: String) {
  payload: tokenAuth(email: $email, password: $password, guestToken: $guest) {
    token user { email } errors { field code message available allowed } } }"""
REGISTER = """mutation($input: RegisterInput!) {
  payload: register(input: $input) { token errors { field code message available allowed } } }"""


class Guest(Api):
    """Speaks as a new guest."""

    def __init__(self) -> None:
        self.token = tokens.issue_for_guest().token
        super().__init__(token=self.token)


def sign_in(user: Any, guest_token: str | None, password: str = FACTORY_PASSWORD) -> dict[str, Any]:
    """The payload of a sign-in with a guest token."""
    return Api().graphql(SIGN_IN, email=user.email, password=password, guest=guest_token)["payload"]
