"""How far a search walks before it looks through everything."""

import pytest

from explore.query import parse
from storage.postgres.walking import FIRST, SECOND, entries_ahead, is_indexed


def test_walk_begins_short_and_then_takes_as_many_as_tell_how_rare_something_is() -> None:
    assert entries_ahead(walked=0, found=0, wanted=101, seconds=0, is_indexed=False) == FIRST
    assert entries_ahead(walked=FIRST, found=0, wanted=101, seconds=0.001, is_indexed=False) == SECOND


def test_walk_goes_on_as_long_as_it_promises_to_be_quick() -> None:
    walked = FIRST + SECOND
    ahead = entries_ahead(walked=walked, found=10, wanted=110, seconds=0.01, is_indexed=False)
    assert ahead is not None
    assert ahead > 10 * walked
    assert entries_ahead(walked=walked, found=10, wanted=110, seconds=0.2, is_indexed=False) is None
    assert entries_ahead(walked=walked, found=0, wanted=110, seconds=0.01, is_indexed=False) is None


def test_index_is_asked_as_soon_as_the_newest_do_not_have_it() -> None:
    assert entries_ahead(walked=FIRST, found=0, wanted=101, seconds=0.001, is_indexed=True) is None


def test_walk_is_tried_also_where_an_index_finds_what_the_newest_have() -> None:
    assert entries_ahead(walked=FIRST, found=1, wanted=101, seconds=0.001, is_indexed=True) == SECOND


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("userId:7", True),
        ("userId:7 payment", True),
        ("trace:7f", True),
        ("userId:7 OR a:1", True),
        ("userId:7 OR payment", False),
        ("payment", False),
        ("duration_ms:>7", False),
        ("-userId:7", False),
        ("level:error", False),
        ("project:shop", False),
        ("error.type:X", False),
        ("a.b.c.d.e.f.g.h.i.j:1", False),
        ("", False),
    ],
)
def test_what_has_an_index_is_known(query: str, expected: bool) -> None:
    assert is_indexed(parse(query)) is expected
