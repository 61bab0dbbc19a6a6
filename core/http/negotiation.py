"""Which media type an answer takes, by the Accept header (RFC 9110 §12.5.1)."""

import re
from collections.abc import Sequence

_RANGES = re.compile(r'(?:[^,"]|"(?:\\.|[^"\\])*"?)+')
_QUOTED = re.compile(r'"(?:\\.|[^"\\])*"')
_RANGE = re.compile(r"\s*([^\s;,/]+)/([^\s;,/]+)\s*(?:;|$)")
_WEIGHT = re.compile(r";\s*q\s*=\s*([0-9.]{1,8})", re.IGNORECASE)


def preferred_type(accept: str, offered: Sequence[str]) -> str | None:
    """The offered media type that the header likes best; None: it takes none of them.

    Parameters of a media type do not matter ("application/json; charset=utf-8" is "application/json"). What cannot be
    read is left out; a header of which nothing can be read takes everything. Equal weights: the more specific range
    first, then the earlier one, then the order of `offered`.
    """
    ranges = _ranges(accept)
    if not ranges:
        return offered[0]
    best: tuple[float, int, int] | None = None
    chosen = None
    for name in offered:
        found = _match(ranges, name)
        if found is not None and found[0] > 0 and (best is None or found > best):
            best, chosen = found, name
    return chosen


def _ranges(accept: str) -> list[tuple[str, str, float]]:
    """Type, subtype and weight of each range that can be read."""
    ranges = []
    for text in _RANGES.findall(accept):
        plain = _QUOTED.sub('""', text)
        read = _RANGE.match(plain)
        if read is None:
            continue
        weight = _WEIGHT.search(plain)
        try:
            quality = min(float(weight[1]), 1.0) if weight else 1.0
        except ValueError:
            quality = 1.0
        ranges.append((read[1].lower(), read[2].lower(), quality))
    return ranges


def _match(ranges: list[tuple[str, str, float]], name: str) -> tuple[float, int, int] | None:
    """Weight, specificity and (negative) place of the most specific range that covers the media type."""
    kind, _, subtype = name.partition("/")
    found: tuple[float, int, int] | None = None
    for place, (range_kind, range_subtype, quality) in enumerate(ranges):
        if range_kind not in (kind, "*") or range_subtype not in (subtype, "*"):
            continue
        specificity = (range_kind != "*") + (range_subtype != "*")
        if found is None or specificity > found[1]:
            found = (quality, specificity, -place)
    return found
