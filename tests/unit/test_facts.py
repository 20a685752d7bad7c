"""The values of an entry's metadata, and the terms of a search that ask for them."""

from typing import Any

import pytest
from msgspec import Raw, json

from explore.query import matches, parse
from issues.facts import MOST_FACTS, facts

HOSTILE = 'a "quoted" \\ text: (1 OR 2) *?~^[x]{y}\n\u202eend\u2028'


def facts_of(metadata: Any) -> list[tuple[str, str, str]]:
    return [(fact.name, fact.value, fact.term) for fact in facts(Raw(json.encode(metadata)))]


@pytest.mark.parametrize(
    ("metadata", "name"),
    [
        ({"userId": 123}, "userId"),
        ({"userId": "123"}, "userId"),
        ({"ok": True}, "ok"),
        ({"nothing": None}, "nothing"),
        ({"balance": -5.5}, "balance"),
        ({"user": {"id": "u7"}}, "user.id"),
        ({"http.status": 500}, "http.status"),
        ({"level": "own"}, "level"),
        ({"metadata": {"project": "x"}}, "metadata.project"),
        ({"a b:c/d-é": HOSTILE}, "a b:c/d-é"),
        ({"text": HOSTILE}, "text"),
        ({"empty": ""}, "empty"),
    ],
)
def test_term_finds_the_entry_that_it_was_made_of_and_no_other(metadata: Any, name: str) -> None:
    [(told, _, term)] = facts_of(metadata)
    assert told == name
    entry = {"level": "error", "message": "m", "project": "shop", "metadata": metadata}
    assert matches(parse(term), entry)
    assert not matches(parse(f"-{term}"), entry)
    assert not matches(parse(term), entry | {"metadata": {"other": 1}})


def test_what_no_search_asks_for_has_no_term_and_all_is_bounded() -> None:
    assert facts(None) == []
    assert facts_of([1, 2]) == []
    shown = facts_of({"list": [1, 2], "deep": {"a": {"b": {"c": 1}}}, "long": "x" * 10_000, "": 1, "none": {}})
    assert [(name, term) for name, _, term in shown] == [
        ("list", ""),
        ("deep.a.b", ""),
        ("long", ""),
        ("", ""),
        ("none", ""),
    ]
    assert max(len(value) for _, value, _ in shown) < 400
    assert len(facts_of({f"k{n}": n for n in range(1_000)})) == MOST_FACTS
