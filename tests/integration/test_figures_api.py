"""The read API's figures: what they answer, what they refuse, and what they spare the store."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connections

from explore import aggregates
from storage.wall import ALIAS
from tests.entries import NOW, line, store_batch
from tests.integration.test_read_api import HOUR, RANGE, Reader, acme, rival, seconds

__all__ = ["acme", "rival"]
pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "reads"])


@pytest.fixture(autouse=True)
def nothing_answered() -> None:
    aggregates.forget_answers()


def store_payments(acme: Reader) -> None:
    acme.store(
        *(
            {"timestamp": seconds(n), "metadata": {"status": 200, "ms": n, "user": {"id": f"u{n % 3}"}}}
            for n in range(10)
        ),
        {"timestamp": seconds(70), "level": "error", "metadata": {"status": 500, "ms": 1.5, "tags": ["a", "b", "a"]}},
        {"timestamp": seconds(70), "level": "error", "project": "web", "metadata": {"status": "500"}},
    )


def figures(reader: Reader, **asked: Any) -> list[tuple[Any, ...]]:
    answer = reader.get("logs/aggregate", **RANGE, **asked)
    assert answer.status_code == 200, answer.json()
    return [(*row["by"], row["value"]) for row in answer.json()["rows"]]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({}, [(12,)]),
        ({"query": "nowhere"}, [(0,)]),
        ({"measure": "sum:ms"}, [(46.5,)]),
        ({"measure": "avg:ms", "query": "status:200"}, [(4.5,)]),
        ({"measure": "sum:nowhere"}, [(None,)]),
        ({"measure": "distinct:user.id"}, [(3,)]),
        ({"by": "status"}, [(200, 10), ("500", 1), (500, 1)]),
        ({"by": "level"}, [("info", 10), ("error", 2)]),
        ({"by": "level", "query": "status:200"}, [("info", 10)]),
        ({"by": ["level", "project"]}, [("info", "shop", 10), ("error", "shop", 1), ("error", "web", 1)]),
        ({"by": "tags"}, [(None, 11), ("a", 1), ("b", 1)]),
        ({"measure": "p50:ms", "by": "project"}, [("shop", 4)]),
        ({"measure": "max:ms", "by": "user.id"}, [("u0", 9), ("u2", 8), ("u1", 7), (None, 1.5)]),
        ({"measure": "sum:size_bytes", "by": "project"}, [("shop", 1100), ("web", 100)]),
        ({"by": "trace", "query": "status:200"}, [(None, 10)]),
    ],
)
def test_figures_are_those_of_what_is_found(acme: Reader, asked: dict[str, Any], expected: list[Any]) -> None:
    store_payments(acme)
    assert figures(acme, **asked) == expected


def test_steps_are_gapless_and_the_rest_is_one(acme: Reader) -> None:
    store_payments(acme)
    ends = {"from": NOW.isoformat(), "to": seconds(180).isoformat()}
    answer = acme.get("logs/aggregate", **ends, measure="count", by="user.id", step=60, limit=2).json()
    times = [NOW + timedelta(minutes=n) for n in range(3)]
    assert [[datetime.fromisoformat(at) for at, _ in row["points"]] for row in answer["rows"]] == [times, times]
    assert [(row["by"], [count for _, count in row["points"]]) for row in answer["rows"]] == [
        (["u0"], [4, 0, 0]),
        (["u1"], [3, 0, 0]),
    ]
    others = answer["others"]
    assert (others["groups"], others["value"], [count for _, count in others["points"]]) == (2, 5, [3, 2, 0])
    assert (answer["step_seconds"], answer["scanned"], answer["exact"]) == (60, 12, True)
    mean = acme.get("logs/aggregate", **ends, measure="avg:ms", step=60).json()["rows"][0]
    assert [value for _, value in mean["points"]] == [4.5, 1.5, None]
    by_level = acme.get("logs/aggregate", **ends, by="level", step=60, limit=1).json()
    assert (by_level["rows"][0]["by"], by_level["others"]["value"], by_level["others"]["groups"]) == (["info"], 2, 1)


@pytest.mark.parametrize(
    ("path", "asked", "detail"),
    [
        ("aggregate", {"measure": "median:ms"}, "count, distinct:FIELD"),
        ("aggregate", {"measure": "count:ms"}, "count, distinct:FIELD"),
        ("aggregate", {"measure": "p95"}, "p95:FIELD"),
        ("aggregate", {"measure": "max:timestamp"}, "measure: The time range"),
        ("aggregate", {"by": ["a", "b", "c"]}, "up to twice"),
        ("aggregate", {"by": ["a", "a"]}, "up to twice"),
        ("aggregate", {"by": "group"}, "/v1/groups"),
        ("aggregate", {"by": "has"}, "by: has asks"),
        ("aggregate", {"by": ".".join("abcdefghi")}, "8 parts"),
        ("aggregate", {"limit": "1001"}, "limit"),
        ("aggregate", {"step": "0"}, "step"),
        ("aggregate", {"step": "1"}, "1,500 steps"),
        ("aggregate", {"by": "a", "step": "10", "limit": "100"}, "40,000 points"),
        ("aggregate", {"bye": "a"}, "parameters are"),
        ("values", {}, "field must be given"),
        ("values", {"field": list("abcdefghijklm")}, "up to 12"),
        ("values", {"field": "metadata"}, "field: Write metadata.key"),
        ("values", {"field": ["a", "b\0"]}, "field cannot hold"),
        ("aggregate", {"by": "a\0"}, "by cannot hold"),
        ("aggregate", {"measure": "max:a\0"}, "measure cannot hold"),
        ("patterns", {"limit": "0"}, "limit"),
        ("values", {"field": "level", "since": "2099-01-01T00:00:00Z"}, "earlier than to"),
        ("patterns", {"since": "yesterday"}, "since must be an RFC 3339"),
        ("patterns", {"since": "2000-01-01T00:00:00Z"}, "later than from"),
        ("patterns", {"since": "2099-01-01T00:00:00Z"}, "earlier than to"),
    ],
)
def test_what_cannot_be_asked_is_named(acme: Reader, path: str, asked: dict[str, Any], detail: str) -> None:
    answer = acme.get(f"logs/{path}", **RANGE, **asked)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_parameter")
    assert detail in answer.json()["detail"]


def test_values_have_shares_of_what_was_counted(acme: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    store_payments(acme)
    answer = acme.get("logs/values", **RANGE, field=["project", "level", "status", "tags", "nowhere"], limit=2).json()
    assert (answer["entries"], answer["exact"]) == (12, True)
    found = {
        one["name"]: (one["entries"], one["distinct"], [tuple(v.values()) for v in one["values"]])
        for one in answer["fields"]
    }
    assert found == {
        "project": (12, 2, [("shop", 11), ("web", 1)]),
        "level": (12, 2, [("info", 10), ("error", 2)]),
        "status": (12, 3, [(200, 10), ("500", 1)]),
        "tags": (1, 2, [("a", 1), ("b", 1)]),
        "nowhere": (0, 0, []),
    }
    monkeypatch.setattr("explore.top_values.AMONG", 3)
    answer = acme.get("logs/values", **RANGE, field="level").json()
    assert (answer["entries"], answer["exact"]) == (3, False)
    assert answer["fields"][0]["values"] == [{"value": "error", "count": 2}, {"value": "info", "count": 1}]


def test_patterns_say_what_is_said_and_find_it(acme: Reader) -> None:
    acme.store(
        *(
            {"timestamp": seconds(n), "message": f"User {n + 100} paid {n}.50 EUR at /api/pay/{n}: ok (x*y)"}
            for n in range(5)
        ),
        {"timestamp": seconds(9), "message": "User 7 paid 1 EUR at /api/pay/9: ok (x*y)", "level": "warn"},
        {"message": "12"},
    )
    answer = acme.get("logs/patterns", **RANGE).json()
    assert (answer["entries"], answer["exact"], answer["different"]) == (7, True, 2)
    first, second = answer["patterns"]
    assert (first["count"], first["levels"]["info"], first["levels"]["warn"]) == (6, 5, 1)
    assert (first["first"], first["last"]) == ("2026-11-20T12:00:00.000000Z", "2026-11-20T12:00:09.000000Z")
    assert first["sample"]["message"].startswith("User 7 paid")
    assert len(acme.get("logs", **RANGE, query=first["query"]).json()["logs"]) == 6
    assert (second["pattern"], second["query"]) == ("<n>", None)


def test_patterns_say_what_has_changed_since_a_moment(acme: Reader, rival: Reader) -> None:
    rival.store({"timestamp": seconds(-9), "message": "Card 1 declined"})
    acme.store(
        *({"timestamp": seconds(n - 30), "message": f"User {n} paid"} for n in range(60)),
        *({"timestamp": seconds(n), "message": f"Card {n} declined", "level": "error"} for n in range(3)),
        {"timestamp": seconds(-5), "message": "Cache is cold", "level": "warn"},
    )
    ends = {"from": seconds(-30).isoformat(), "to": seconds(30).isoformat()}
    answer = acme.get("logs/patterns", **ends, since=NOW.isoformat()).json()
    assert [
        (one["pattern"], one["change"], one["count"], one["before"], one["times"]) for one in answer["patterns"]
    ] == [
        ("Card <n> declined", "new", 3, 0, None),
        ("User <n> paid", "same", 30, 30, 1),
        ("Cache is cold", "gone", 0, 1, 0),
    ]
    assert answer["changes"] == {"new": 1, "more": 0, "same": 1, "less": 0, "gone": 1}
    assert (answer["different"], answer["entries"], answer["exact"], answer["seconds"]) == (3, 33, True, 30)
    assert answer["before"] == {"entries": 31, "exact": True, "seconds": 30}
    gone = answer["patterns"][2]
    assert (gone["levels"]["warn"], gone["first"], gone["query"]) == (
        1,
        "2026-11-20T11:59:55.000000Z",
        "message:Cache\\ is\\ cold",
    )
    few = acme.get("logs/patterns", **ends, since=NOW.isoformat(), query="level:>=warn", limit=1).json()
    assert ([one["change"] for one in few["patterns"]], few["different"]) == (["new"], 2)
    as_long = acme.get("logs/patterns", to=seconds(20).isoformat(), since=NOW.isoformat()).json()
    assert (as_long["seconds"], as_long["before"]["seconds"], as_long["before"]["entries"]) == (20, 20, 21)


def test_values_say_which_of_them_have_another_share_since_a_moment(acme: Reader, rival: Reader) -> None:
    rival.store(*({"timestamp": seconds(-9), "metadata": {"region": "us"}} for _ in range(30)))
    acme.store(
        *({"timestamp": seconds(n - 30), "metadata": {"region": "eu", "n": n}} for n in range(60)),
        *({"timestamp": seconds(n % 30), "metadata": {"region": "us"}, "level": "error"} for n in range(30)),
    )
    ends = {"from": seconds(-30).isoformat(), "to": seconds(30).isoformat(), "since": NOW.isoformat()}
    answer = acme.get("logs/values", **ends, field=["level", "region", "n", "project"], limit=2).json()
    assert (answer["entries"], answer["exact"], answer["before"]) == (60, True, {"entries": 30, "exact": True})
    [level, region, n, project] = answer["fields"]
    assert region == {
        "name": "region", "entries": 60, "distinct": 2, "exact": True,
        "values": [{"value": "us", "change": "new", "count": 30, "before": 0, "times": None}],
    }  # fmt: skip
    assert [one["value"] for one in level["values"]] == ["error"]
    assert (n["values"], project["values"]) == ([], [])
    fewer = acme.get("logs/values", **ends, field="region", query="region:eu").json()
    assert fewer["fields"][0]["values"] == []


def asked_of_the_store(ask: Any) -> int:
    """Return how many statements about entries `ask` makes."""
    seen: list[str] = []

    def note(execute: Any, sql: str, parameters: Any, many: bool, context: Any) -> Any:
        seen.append(sql)
        return execute(sql, parameters, many, context)

    with connections[ALIAS].execute_wrapper(note):
        assert ask().status_code == 200
    return sum("FROM storage_shown_entry" in sql for sql in seen)


def test_closed_range_is_asked_once_and_an_open_one_each_time(acme: Reader, rival: Reader) -> None:
    store_payments(acme)
    rival.store({"metadata": {"status": 1}})

    def closed() -> Any:
        return acme.get("logs/aggregate", **RANGE, by="status")

    assert asked_of_the_store(closed) == 1
    assert asked_of_the_store(closed) == 0
    assert figures(rival, by="status") == [(1, 1)]
    assert asked_of_the_store(lambda: acme.get("logs/aggregate", **RANGE, by="ms")) == 1
    for _ in range(2):
        assert asked_of_the_store(lambda: acme.get("logs/aggregate", by="status")) == 1


def test_counts_by_level_come_from_rollups(acme: Reader) -> None:
    minute = datetime.now(UTC).replace(second=0, microsecond=0)
    store_batch(acme.organisation, [line(timestamp=minute - HOUR, level=level) for level in ("info", "info", "warn")])
    ends = {"from": (minute - 2 * HOUR).isoformat(), "to": minute.isoformat()}
    counted = acme.get("logs/aggregate", **ends, by="level").json()["rows"]
    assert [(row["by"], row["value"]) for row in counted] == [(["info"], 2), (["warn"], 1)]
    with connections["default"].cursor() as cursor:  # what only the rollups know now
        cursor.execute("TRUNCATE storage_entry")
    aggregates.forget_answers()
    assert acme.get("logs/aggregate", **ends, by="level").json()["rows"] == counted
    assert acme.get("logs/aggregate", **ends, by="project").json()["rows"] == []
