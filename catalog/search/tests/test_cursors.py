"""What a cursor holds besides the position of a row: how strictly the text of its search is matched."""

from base64 import urlsafe_b64encode

import orjson
import pytest

from catalog.search.cursors import Position, decode_cursor, encode_cursor
from catalog.search.strategy import STRICT, TYPOS, MatchingStrategy, MatchLevel
from core.errors import InvalidInput

LEVELS = [STRICT, TYPOS, *(MatchLevel(MatchingStrategy.PARTIAL, missing) for missing in (1, 2, 9))]


def packed(*values: object) -> str:
    return urlsafe_b64encode(orjson.dumps([1, "digest", *values])).rstrip(b"=").decode()


@pytest.mark.parametrize(("code", "level"), list(zip([1, 2, 3, 4, 11], LEVELS, strict=True)))
def test_cursors_hold_the_numbers_that_they_always_held(code: int, level: MatchLevel) -> None:
    position = Position(7, 42, level)
    assert encode_cursor("digest", position) == packed(7, 42, code)
    assert decode_cursor(packed(7, 42, code), "digest", int, "after") == position


@pytest.mark.parametrize("code", [0, -1, None, True, "1", 1.0, 2**63])
def test_another_level_is_refused(code: object) -> None:
    with pytest.raises(InvalidInput):
        decode_cursor(packed(7, 42, code), "digest", int, "after")


def test_levels_are_ordered_from_the_strictest_on() -> None:
    assert sorted(LEVELS, reverse=True)[::-1] == LEVELS
