"""Resolvers that look at nothing but their source: plans run them faster than others."""

from collections.abc import Callable
from typing import Any, TypeVar

Resolver = TypeVar("Resolver", bound=Callable[..., Any])


def from_source(resolve: Resolver) -> Resolver:
    """Marks a resolver that looks at its source alone: a plan may give it None for the info."""
    resolve.from_source = True  # type: ignore[attr-defined]
    return resolve


class Attribute:
    """A resolver that reads a key of a dict, or an attribute of anything else. It calls nothing."""

    from_source = True
    __slots__ = ("default", "name")

    def __init__(self, name: str, default: Any = None) -> None:
        self.name, self.default = name, default

    def __call__(self, source: Any, info: Any, **arguments: Any) -> Any:
        return self.read(source, info)

    def read(self, source: Any, info: Any) -> Any:
        if isinstance(source, dict):
            return source.get(self.name, self.default)
        return getattr(source, self.name, self.default)
