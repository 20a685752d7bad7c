"""Which patterns have changed, and in which order they are told."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from explore import value_changes
from explore.changes import Change, Side, compared
from foundation.levels import Level
from storage.aggregates import FieldValues, Said, Value
from tests.entries import NOW

HOUR = 3600.0


def said(**counts: int) -> Iterator[Said]:
    """Return what entries say: of each word so many, at the level that it begins with."""
    for word, count in counts.items():
        for number in range(count):
            yield Said(number, NOW - timedelta(seconds=number), Level[word.partition("_")[0].upper()], word)


def told(since: dict[str, int], before: dict[str, int], *, hours_before: float = 1) -> list[tuple[str, Change]]:
    sides = Side(sum(since.values()), HOUR, True), Side(sum(before.values()), HOUR * hours_before, True)
    found = compared(said(**since), said(**before), since=sides[0], before=sides[1])
    return [(one.pattern.template, one.change) for one in found]


@pytest.mark.parametrize(
    ("count", "before", "hours_before", "change"),
    [
        (1, 0, 1, Change.NEW),
        (0, 1, 1, Change.GONE),
        (100, 100, 1, Change.SAME),
        (100, 200, 2, Change.SAME),
        (200, 200, 2, Change.MORE),
        (100, 200, 1, Change.LESS),
        (3, 1, 1, Change.SAME),
        (30, 10, 1, Change.SAME),
        (31, 10, 1, Change.MORE),
        (1_400, 1_000, 1, Change.SAME),
        (1_600, 1_000, 1, Change.MORE),
        (1_000, 1_400, 1, Change.SAME),
    ],
)
def test_chance_and_length_explain_what_they_can(count: int, before: int, hours_before: float, change: Change) -> None:
    since, former = ({"info_a": number} if number else {} for number in (count, before))
    assert told(since, former, hours_before=hours_before) == [("info_a", change)]


def test_new_and_grave_comes_first_and_what_has_gone_last() -> None:
    since = {"info_new": 9, "error_new": 2, "info_more": 300, "warn_much": 900, "info_same": 50, "info_less": 10}
    before = {"info_more": 100, "warn_much": 100, "info_same": 50, "info_less": 100, "debug_gone": 80, "fatal_gone": 1}
    assert told(since, before) == [
        ("error_new", Change.NEW), ("info_new", Change.NEW), ("warn_much", Change.MORE), ("info_more", Change.MORE),
        ("info_same", Change.SAME), ("info_less", Change.LESS), ("fatal_gone", Change.GONE),
        ("debug_gone", Change.GONE),
    ]  # fmt: skip


def test_nothing_changes_where_nothing_is() -> None:
    assert told({}, {}) == []


def values_of(counts: dict[Value, int], *, distinct: int | None = None) -> FieldValues:
    return FieldValues(sum(counts.values()), distinct or len(counts), list(counts.items()))


@pytest.mark.parametrize(
    ("since", "before", "changed"),
    [
        ({"eu": 100, "us": 100}, {"eu": 200, "us": 200}, []),  # half the load, and the same shares
        ({"eu": 10, "us": 190}, {"eu": 200, "us": 200}, [("eu", Change.LESS), ("us", Change.MORE)]),
        ({"eu": 190, 2: 10}, {"eu": 400}, [(2, Change.NEW)]),
        ({"eu": 199, 2: 1}, {"eu": 400}, []),
        ({"eu": 200}, {"eu": 350, True: 50}, [(True, Change.GONE)]),
    ],
)
def test_values_change_by_their_share(
    since: dict[Value, int], before: dict[Value, int], changed: list[tuple[Value, Change]]
) -> None:
    found = value_changes.compared(values_of(since), values_of(before), entries=200, before=400)
    assert [(one.value, one.change) for one in found.changed] == changed
    assert found.is_all


def test_value_that_may_only_be_rare_on_a_side_is_not_told() -> None:
    many, few = values_of({"a": 90, "b": 80}, distinct=2_000), values_of({"a": 10, "c": 50})
    found = value_changes.compared(many, few, entries=200, before=200)
    assert [(one.value, one.change) for one in found.changed] == [("b", Change.NEW), ("a", Change.MORE)]
    assert not found.is_all


def test_nothing_is_compared_with_no_entries() -> None:
    assert value_changes.compared(values_of({"a": 9}), values_of({}), entries=9, before=0).changed == []
