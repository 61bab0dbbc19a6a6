"""A small client for both APIs, used by every app's tests."""

import json
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser
from django.http import HttpResponse
from django.test import Client

from core.auth import tokens


class Api:
    """Speaks GraphQL and REST as a user, with another token, or as nobody."""

    def __init__(self, user: AbstractBaseUser | None = None, token: str | None = None) -> None:
        self.client = Client()
        token = tokens.issue(user).token if user is not None else token
        self.headers = {"Authorization": f"Bearer {token}"} if token is not None else {}

    def post(self, query: str, **variables: Any) -> HttpResponse:
        """The response to a GraphQL document with its variables."""
        body = json.dumps({"query": query, "variables": variables})
        return self.client.post("/graphql/", body, content_type="application/json", headers=self.headers)

    def graphql(self, query: str, **variables: Any) -> dict[str, Any]:
        """The `data` of an answer without errors."""
        answer = self.post(query, **variables).json()
        assert "errors" not in answer, answer
        return answer["data"]

    def error(self, query: str, **variables: Any) -> dict[str, Any]:
        """The extensions of the answer's first error, with its message."""
        error = self.post(query, **variables).json()["errors"][0]
        return {**error["extensions"], "message": error["message"]}

    def get(self, path: str, **parameters: Any) -> HttpResponse:
        """The response to a REST GET below /api/v1/."""
        return self.client.get(f"/api/v1/{path}", parameters, headers=self.headers)

    def send(self, path: str, **body: Any) -> HttpResponse:
        """The response to a REST POST below /api/v1/."""
        return self.client.post(
            f"/api/v1/{path}", json.dumps(body), content_type="application/json", headers=self.headers
        )
