"""A stranger with any number of addresses: sends requests and keeps what came back."""

import http.client
import json
import time
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

PATIENCE = 120.0
# Seconds after which an attack sends nothing more.
DEADLINE = 90.0


@dataclass
class Answer:
    """What came back: the status (0: nothing), the JSON, the text when it was none, and the seconds it took."""

    status: int
    body: Any
    text: str
    seconds: float

    @property
    def codes(self) -> list[str]:
        """The codes of all errors, of payloads too."""
        codes: list[str] = []
        waiting = [self.body]
        while waiting:
            value = waiting.pop()
            if isinstance(value, dict):
                codes += [value["code"]] if isinstance(value.get("code"), str) else []
                waiting += value.values()
            elif isinstance(value, list):
                waiting += value
        return codes


@dataclass
class Stranger:
    """Sends from one client address, by X-Forwarded-For, which the service believes of 127.0.0.1."""

    port: int
    address: str = "198.51.100.1"
    answers: list[Answer] = field(default_factory=list)
    _lock: Any = field(default_factory=Lock)
    began: float = field(default_factory=time.monotonic)

    def send(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        *,
        address: str = "",
        headers: dict[str, str] | None = None,
    ) -> Answer:
        """The answer to one request on a connection of its own; kept for the report."""
        began = time.perf_counter()
        status, text = 0, b""
        sent = {"X-Forwarded-For": address or self.address, "Content-Type": "application/json", **(headers or {})}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            connection.request(method, path, body, sent)
            response = connection.getresponse()
            status, text = response.status, response.read()
        except (OSError, http.client.HTTPException):
            pass
        finally:
            connection.close()
        try:
            parsed: Any = json.loads(text)
        except ValueError:
            parsed = None
        answer = Answer(status, parsed, text[:200].decode(errors="replace"), time.perf_counter() - began)
        with self._lock:
            self.answers.append(answer)
        return answer

    def graphql(self, query: str | None = None, variables: Any = None, *, address: str = "", **more: Any) -> Answer:
        """The answer to a GraphQL POST; `more` are further members of its body."""
        body = {
            **({"query": query} if query is not None else {}),
            **({"variables": variables} if variables else {}),
            **more,
        }
        return self.send("POST", "/graphql/", json.dumps(body).encode("utf-8", "surrogatepass"), address=address)

    def many(self, send: Callable[[Any], object], items: Iterable[Any], *, at_once: int = 8) -> None:
        """Calls `send` with each item, some at once, until the deadline."""

        def one(item: Any) -> None:
            if time.monotonic() - self.began < DEADLINE:
                send(item)

        with ThreadPoolExecutor(at_once) as pool:
            list(pool.map(one, items))

    def statuses(self) -> str:
        """How often which status was answered."""
        return " ".join(
            f"{count}×{status or 'none'}" for status, count in sorted(Counter(a.status for a in self.answers).items())
        )
