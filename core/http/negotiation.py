"""Chooses the media type of a response by the Accept header (RFC 9110 §12.5.1)."""

import re
from collections.abc import Sequence

_RANGES = re.compile(r'(?:[^,"]|"(?:\\.|[^"\\])*"?)+')
_QUOTED = re.compile(r'"(?:\\.|[^"\\])*"')
_RANGE = re.compile(r"\s*([^\s;,/]+)/([^\s;,/]+)\s*(?:;|$)")
_WEIGHT = re.compile(r";\s*q\s*=\s*([0-9.]{1,8})", re.IGNORECASE)


def preferred_type(accept: str, offered: Sequence[str]) -> str | None:
    """The offered media type that the header prefers; None when it accepts none of them.

    Parameters of a media type do not matter ("application/json; charset=utf-8" is "application/json"). Unreadable
    ranges are skipped; a header without a readable range accepts everything. Among equal weights the more specific
    range wins, then the earlier one, then the earlier of `offered`.
    """
    ranges = _ranges(accept)
    if not ranges:
        return offered[0]
    best: tuple[float, int, int] | None = None
    preferred = None
    for name in offered:
        match = _match(ranges, name)
        if match is not None and match[0] > 0 and (best is None or match > best):
            best, preferred = match, name
    return preferred


def _ranges(accept: str) -> list[tuple[str, str, float]]:
    """Type, subtype and weight of each readable range."""
    ranges = []
    for text in _RANGES.findall(accept):
        plain = _QUOTED.sub('""', text)
        match = _RANGE.match(plain)
        if match is None:
            continue
        weight = _WEIGHT.search(plain)
        try:
            quality = min(float(weight[1]), 1.0) if weight else 1.0
        except ValueError:
            quality = 1.0
        ranges.append((match[1].lower(), match[2].lower(), quality))
    return ranges


def _match(ranges: list[tuple[str, str, float]], name: str) -> tuple[float, int, int] | None:
    """Weight, specificity and negated position of the most specific range that covers the media type."""
    kind, _, subtype = name.partition("/")
    best: tuple[float, int, int] | None = None
    for position, (range_kind, range_subtype, quality) in enumerate(ranges):
        if range_kind not in (kind, "*") or range_subtype not in (subtype, "*"):
            continue
        specificity = (range_kind != "*") + (range_subtype != "*")
        if best is None or specificity > best[1]:
            best = (quality, specificity, -position)
    return best
