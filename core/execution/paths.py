"""Paths of a response: plain tuples during execution, because one is made for every object."""

from graphql.pyutils import Path

# (previous path, key or index, name of the type that has the field)
RawPath = tuple["RawPath | None", str | int, str | None]


def as_list(path: RawPath | None) -> list[str | int]:
    """The keys from the root on, as errors show them."""
    keys: list[str | int] = []
    while path is not None:
        path, key, _ = path
        keys.append(key)
    return keys[::-1]


def as_path(path: RawPath) -> Path:
    """graphql-core's form, as resolvers know it."""
    previous, key, typename = path
    return Path(None if previous is None else as_path(previous), key, typename)
