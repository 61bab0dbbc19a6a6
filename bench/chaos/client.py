"""An HTTP client like a storefront: one connection per request, an answer or the reason why there is none."""

import http.client
import json
import uuid
from dataclasses import dataclass, field
from typing import Any

PATIENCE = 20.0


class NoAnswer(Exception):
    """There was no answer, and whether the request was served is unknown. `kind` says how it ended."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        super().__init__(kind)


class Refused(Exception):
    """The service refused the request."""


@dataclass
class Shop:
    """One client of the service on a port of loopback."""

    port: int
    token: str | None = None
    sent: dict[str, int] = field(default_factory=dict)

    def send(self, method: str, path: str, body: bytes | None = None, **headers: str) -> tuple[int, dict[str, Any]]:
        """Status and JSON. Raises NoAnswer for a broken or refused connection, a timeout and 502 to 504."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        try:
            connection.request(method, path, body, {name.replace("_", "-"): text for name, text in headers.items()})
            answer = connection.getresponse()
            text = answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise NoAnswer(type(error).__name__) from None
        finally:
            connection.close()
        if answer.status in {502, 503, 504}:
            raise NoAnswer(str(answer.status))
        try:
            return answer.status, json.loads(text)
        except ValueError:
            return answer.status, {}

    def graphql(self, query: str, **variables: Any) -> dict[str, Any]:
        """The `data`. Raises NoAnswer also for an error on the service's side, Refused for any other."""
        body = json.dumps({"query": query, "variables": variables}).encode()
        status, answer = self.send("POST", "/graphql/", body, Content_Type="application/json")
        errors = answer.get("errors") or []
        if status >= 500 or any(e.get("extensions", {}).get("code") == "INTERNAL_ERROR" for e in errors):
            raise NoAnswer("internal error")
        if status != 200 or errors:
            raise Refused(f"{status} {errors[:1]}")
        return answer["data"]

    def upload(self, path: str, name: str, content: bytes) -> tuple[int, dict[str, Any]]:
        """POSTs a file as the form field `image`."""
        mark = uuid.uuid4().hex
        head = f'--{mark}\r\nContent-Disposition: form-data; name="image"; filename="{name}"\r\n'
        body = f"{head}Content-Type: image/jpeg\r\n\r\n".encode() + content + f"\r\n--{mark}--\r\n".encode()
        return self.send("POST", path, body, Content_Type=f"multipart/form-data; boundary={mark}")
