"""Positions in a live tail: ours, for one organisation, and no older than a resumed tail reaches."""

from datetime import UTC, datetime, timedelta

import pytest

from explore.tail.position import OLDEST, Position, PositionError, Positions
from storage.arrivals import Window

AT = datetime(2026, 11, 20, 12, tzinfo=UTC)
SEEN = Position(at=AT, seen="800:812:805,807")
WITHIN = Position(at=AT, seen="800:812:805", until="815:815:", stored_xid=812, after=1536)


@pytest.mark.parametrize("position", [SEEN, WITHIN, Position(at=AT, seen="1:1:")])
def test_position_comes_back(position: Position) -> None:
    assert Positions(7).read(Positions(7).write(position)) == position


@pytest.mark.parametrize("text", ["1:1:", "812:812:~815:815:~1536", "1764000000~1:1:", "1764000000~1:1:.", "1:1:.aGk"])
def test_position_that_is_not_signed_is_none(text: str) -> None:
    assert Positions(7).read(text) is None


def test_position_of_another_organisation_is_none() -> None:
    assert Positions(8).read(Positions(7).write(WITHIN)) is None


def test_no_part_of_a_position_can_be_changed() -> None:
    text = Positions(7).write(WITHIN)
    for place in [n for n, character in enumerate(text.rpartition(".")[0]) if character.isdigit()]:
        digit = str((int(text[place]) + 1) % 10)
        assert Positions(7).read(text[:place] + digit + text[place + 1 :]) is None


@pytest.mark.parametrize("text", ["1; DROP TABLE", "", "a", "1:1:\n", "１:１:", "1:1:.é", "1" * 20_000])
def test_text_that_never_was_a_position_is_an_error(text: str) -> None:
    with pytest.raises(PositionError):
        Positions(7).read(text)


def test_position_is_as_old_as_what_it_begins_with() -> None:
    assert not WITHIN.is_too_old(AT + OLDEST)
    assert WITHIN.is_too_old(AT + OLDEST + timedelta(microseconds=1))


def test_what_is_left_is_the_rest_of_a_window_and_the_next() -> None:
    assert SEEN.windows_to("9:9:", since=AT) == [Window(seen=SEEN.seen, until="9:9:", since=AT)]
    assert WITHIN.windows_to("9:9:", since=AT) == [
        Window(seen=WITHIN.seen, until="815:815:", since=AT, stored_xid=812, after=1536),
        Window(seen="815:815:", until="9:9:", since=AT),
    ]
