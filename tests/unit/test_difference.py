"""What is different about entries that fail: planted causes are found, and chance is taken for none."""

import random
from math import comb
from typing import Any

import pytest
from msgspec import Raw, json

from assist.difference import difference, upper_tail
from assist.facts import MOST_CHARACTERS, MOST_NAMES, Facts, collect, facts_of, shown
from assist.parts import _without_level_of_all
from foundation.levels import BY_NAME, Level
from storage.found import FoundEntry
from tests.entries import NOW

KEYS, VALUES = 25, 6


def entry(metadata: Any = None, **fields: Any) -> FoundEntry:
    document = metadata if metadata is None or isinstance(metadata, Raw) else Raw(json.encode(metadata))
    members: dict[str, Any] = {
        "id": 1, "received_at": NOW, "timestamp": NOW, "level": Level(BY_NAME["error"].value), "environment": "live",
        "project": "shop", "trace_id": None, "span_id": None, "parent_span_id": None, "privacy_mode": None,
        "message": "no", "metadata": document, "error": None,
        "size_bytes": 9,
    }  # fmt: skip
    return FoundEntry(**members | fields)


def no_release(_entry: FoundEntry) -> str:
    return ""


def said(metadata: Any = None, release: str = "", **fields: Any) -> Facts:
    return facts_of(entry(metadata, **fields), lambda _: release)


def drawn(chance: random.Random, count: int) -> list[Facts]:
    """Entries of 25 names, each with six values of different frequency; one name is an identifier."""
    weights = [2**-n for n in range(VALUES)]
    values = [f'"v{n}"' for n in range(VALUES)]
    return [
        {f"k{key}": value for key, value in enumerate(chance.choices(values, weights, k=KEYS))}
        | {"request_id": f'"{chance.random()}"'}
        for _ in range(count)
    ]


def planted(facts: Facts, chance: random.Random, share: float) -> Facts:
    causes = {"release": '"1.4.2"', "card.brand": '"visa"'}
    return facts | {
        name: value if chance.random() < share else f'"other {chance.randrange(3)}"' for name, value in causes.items()
    }


@pytest.mark.parametrize(("failing", "others"), [(1_000, 5_000), (200, 1_000), (40, 2_000), (12, 500)])
def test_planted_causes_are_named_and_nothing_else(failing: int, others: int) -> None:
    chance = random.Random(failing)
    found = difference(
        [planted(one, chance, 0.92) for one in drawn(chance, failing)],
        [planted(one, chance, 0.10) for one in drawn(chance, others)],
    )
    assert {(one.name, one.value) for one in found.findings} == {("release", '"1.4.2"'), ("card.brand", '"visa"')}
    assert found.identifiers == ["request_id"]
    assert {(found.failing, found.others)} == {(failing, others)}
    for one in found.findings:
        assert one.share > 0.7 > 0.2 > one.share_of_others


def test_chance_is_taken_for_a_cause_once_in_a_hundred_runs_at_most() -> None:
    chance = random.Random(17)
    entries = drawn(chance, 360)
    invented = 0
    for _ in range(100):
        chance.shuffle(entries)
        invented += bool(difference(entries[:60], entries[60:]).findings)
    assert invented <= 1


def test_tail_is_exact() -> None:
    for of, marked, taken in ((30, 11, 7), (30, 25, 12), (8, 8, 3), (9, 0, 4), (60, 30, 30), (1, 1, 1)):
        for seen in range(taken + 2):
            ways = sum(comb(marked, k) * comb(of - marked, taken - k) for k in range(seen, taken + 1))
            exact = ways / comb(of, taken)
            assert upper_tail(seen, drawn=taken, marked=marked, of=of) == pytest.approx(exact, rel=1e-9, abs=1e-12)
    assert upper_tail(1_000, drawn=1_000, marked=1_500, of=6_000) < 1e-300
    assert upper_tail(0, drawn=1_000, marked=3_000, of=6_000) == 1


def test_what_is_absent_or_of_another_kind_is_a_value() -> None:
    failing = [{"n": "1"}] * 40 + [{"other": '"x"'}] * 40
    others = [{"n": '"1"', "session": "true"}] * 200 + [{"n": "1", "session": "true"}] * 20
    found = {(one.name, one.value) for one in difference(failing, others).findings}
    assert found == {("session", None), ("n", "1"), ("n", None), ("other", '"x"')}
    assert difference(failing, []).findings == difference([], others).findings == []


def test_small_differences_and_rare_sightings_say_nothing() -> None:
    common = [{"a": '"x"'}] * 520 + [{"a": '"y"'}] * 480
    assert difference([{"a": '"x"'}] * 56 + [{"a": '"y"'}] * 44, common * 5).findings == []
    assert difference([{"rare": '"x"'}] * 4 + [{}] * 6, [{}] * 5_000).findings == []


def test_facts_are_what_an_entry_says() -> None:
    metadata = {
        "user": {"plan": "pro", "deep": {"er": 1}}, "n": 1, "f": 0.1, "ok": True, "none": None, "t": ["a", 1],
        "many": [[1]], "long": "x" * 500, "version": "1.4.2",
    }  # fmt: skip
    found = said(metadata, "1.4.2", span_id="charge")
    assert found == {
        "user.plan": '"pro"', "n": "1", "f": "0.1", "ok": "true", "t": '["a",1]',
        "long": f'"{"x" * MOST_CHARACTERS}"', "release": '"1.4.2"', "environment": '"live"', "level": '"error"',
        "span": '"charge"',
    }  # fmt: skip
    assert said({"version": "2", "release": "1"}, "1")["version"] == '"2"'
    assert [shown(value) for value in ('"a\\nb"', "1", "true")] == ["a\nb", "1", "true"]


@pytest.mark.parametrize(
    "metadata",
    [
        {f"key {n}": n for n in range(5_000)},
        {"a": {f"key {n}": "x" * 9_000 for n in range(400)}},
        {"k" * 100_000: "v" * 100_000, "é\n\u202e" * 500: ["\u0001"] * 20},
        {"n": 2**64 - 1, "list": list(range(10_000)), "empty": {}},
        [],
    ],
)
def test_hostile_entries_say_little(metadata: Any) -> None:
    found = said(metadata)
    assert len(found) <= MOST_NAMES + 4
    assert all(len(name) <= MOST_CHARACTERS and len(value) <= 7 * MOST_CHARACTERS for name, value in found.items())
    for value in found.values():
        shown(value)
    for document in (b'{"n":%b}' % (b"9" * 4_000), b'{"n":[1e-400,%b]}' % (b"9" * 30), b'{"n":1e400}'):
        assert len(facts_of(entry(Raw(document)), no_release).get("n", "")) <= MOST_CHARACTERS
    deep = b'{"a":' * 5_000 + b"1" + b"}" * 5_000
    assert facts_of(entry(Raw(deep)), no_release).keys() <= {"environment", "level", "a"}


def test_entries_that_say_too_much_in_all_are_fewer() -> None:
    entries = [entry({f"key {n}": n for n in range(50)}) for _ in range(40)]
    assert len(collect(entries, no_release, most_facts=520)) == 10
    names = [{f"name {n} {k}": '"x"' for k in range(100)} for n in range(40)]
    found = difference(names, names)
    assert (found.findings, found.compared) == ([], 1_000)  # of 4,000 names, each of one entry: that it is absent


def test_level_counts_only_where_it_differs_among_those_that_fail() -> None:
    others = [said(level=Level(BY_NAME["info"].value))] * 2
    failing, beside = _without_level_of_all([said({"a": 1}), said()], [dict(one) for one in others])
    assert not any("level" in one for one in failing + beside)
    failing, beside = _without_level_of_all([said(), said(level=Level(BY_NAME["fatal"].value))], others)
    assert all("level" in one for one in failing + beside)
