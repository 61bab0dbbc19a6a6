"""Parses global ids (Relay's global object identification): base64 of `Type:pk`."""

import re
from base64 import b64decode
from binascii import Error

from graphql_relay import to_global_id

from core.parsing import MAX_ID

_PLAIN = re.compile(r"([A-Za-z]+):(-?[1-9][0-9]{0,18})", re.ASCII)


def parse_global_id(global_id: str) -> tuple[str, int] | None:
    """The type's name and the primary key; None for a text that this service would not give out as an id."""
    if len(global_id) > 100 or not global_id.isascii():
        return None
    try:
        match = _PLAIN.fullmatch(b64decode(global_id, validate=True).decode())
    except (Error, ValueError):
        return None
    if match is None or abs(int(match[2])) > MAX_ID or to_global_id(match[1], match[2]) != global_id:
        return None
    return match[1], int(match[2])


def key_of(global_id: str, type_name: str) -> int | None:
    """The primary key of an id of this type; None for anything else."""
    parsed = parse_global_id(global_id)
    return parsed[1] if parsed and parsed[0] == type_name else None
