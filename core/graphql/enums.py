"""Enums of the API, with a description for each value that needs one."""

from enum import Enum
from typing import Any

import graphene


def described(kind: type[Enum], about: str, /, *, type_name: str | None = None, **values: str) -> Any:
    """The GraphQL enum of a Python one. `values` describes values by their names."""
    return graphene.Enum.from_enum(
        kind, name=type_name, description=lambda value: about if value is None else values.get(value.name)
    )
