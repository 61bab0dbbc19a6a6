"""Typed values that one request carries from the layer that knows them to the layer that needs them."""

from typing import Generic, TypeVar

from django.http import HttpRequest

T = TypeVar("T")


class RequestValue(Generic[T]):
    """A value kept on a request under a name of its own; `default` where nothing has set it."""

    def __init__(self, name: str, default: T) -> None:
        self._name, self._default = f"_vitrine_{name}", default

    def get(self, request: HttpRequest) -> T:
        value: T = request.__dict__.get(self._name, self._default)
        return value

    def set(self, request: HttpRequest, value: T) -> None:
        request.__dict__[self._name] = value
