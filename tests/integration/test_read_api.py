"""The read API: an organisation's own logs, page by page, and never another's."""

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, quote

import pytest
from django.core.cache import cache
from django.test import Client
from drf_spectacular.generators import SchemaGenerator
from jsonschema import validate

from accounts.models import ApiKey
from explore.answers import BUDGET
from ingest.spool.drain import drain
from quotas.models import Plan
from quotas.plans import subscribe
from tests.entries import NOW, store_entries
from tests.organisations import make_api_key, make_organisation

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "reads"])

HOUR = timedelta(hours=1)
RANGE = {"from": (NOW - HOUR).isoformat(), "to": (NOW + HOUR).isoformat()}
FIGURES = ["logs/values?field=message", "logs/aggregate?by=message", "logs/patterns"]
UNKNOWN_ID = 9_000_000_000_000_000_000


class Reader:
    """An organisation's API key, and a client that sends it."""

    def __init__(self, slug: str, **fields: Any) -> None:
        self.organisation = make_organisation(slug)
        subscribe(self.organisation, Plan.objects.get(slug="scale"))
        _, secret = make_api_key(self.organisation, **fields)
        self.client = Client(headers={"x-api-key": secret})

    def get(self, path: str, **parameters: Any) -> Any:
        path, _, given = path.partition("?")
        return self.client.get(f"/v1/{path}", dict(parse_qsl(given)) | parameters)

    def store(self, *entries: dict[str, Any]) -> list[str]:
        return list(map(str, store_entries(entries, organisation_id=self.organisation.pk)))


@pytest.fixture
def acme() -> Reader:
    cache.clear()
    return Reader("acme")


@pytest.fixture
def rival() -> Reader:
    return Reader("rival")


def seconds(number: float) -> datetime:
    return NOW + timedelta(seconds=number)


def test_entry_has_every_field_and_exact_times(acme: Reader) -> None:
    moment = NOW + timedelta(microseconds=7)
    metadata = {"a": [1, {"b": None}], "big": 10**20}
    (entry_id,) = acme.store({"timestamp": moment, "level": "error", "metadata": metadata})
    answer = acme.get(f"logs/{entry_id}")
    assert answer.status_code == 200
    assert answer["Cache-Control"] == "private, no-store"
    assert answer.json() == {
        "id": entry_id,
        "timestamp": "2026-11-20T12:00:00.000007Z",
        "received_at": "2026-11-20T12:00:00.000007Z",
        "level": "error",
        "message": "hello",
        "environment": "production",
        "project": "shop",
        "trace_id": None,
        "span_id": None,
        "parent_span_id": None,
        "privacy_mode": None,
        "edge": None,
        "metadata": metadata,
        "error": None,
        "size_bytes": 100,
        "group": None,
    }


def test_range_defaults_to_the_last_hour(acme: Reader) -> None:
    now = datetime.now(NOW.tzinfo)
    _, recent = acme.store({"timestamp": now - 2 * HOUR}, {"timestamp": now - HOUR / 2})
    assert [log["id"] for log in acme.get("logs").json()["logs"]] == [recent]


@pytest.mark.parametrize("order", ["desc", "asc"])
@pytest.mark.parametrize("query", ["", "level:info", "hello"])
def test_pages_hold_every_entry_once_in_order(acme: Reader, order: str, query: str) -> None:
    same_time = [{"timestamp": NOW} for _ in range(5)]
    days = [{"timestamp": NOW - timedelta(days=n), "received_at": NOW} for n in range(12)]
    ids = acme.store(*same_time, *days, {"level": "info", "timestamp": seconds(-1)})
    asked = {"query": query, "from": (NOW - timedelta(days=20)).isoformat(), "to": seconds(1).isoformat()}
    logs, cursor = [], None
    while True:
        page = acme.get("logs", **asked, limit=4, order=order, **({"cursor": cursor} if cursor else {})).json()
        logs += page["logs"]
        cursor = page["next_cursor"]
        if cursor is None:
            break
        assert len(page["logs"]) == 4
    keys = [(log["timestamp"], int(log["id"])) for log in logs]
    assert keys == sorted(keys, reverse=order == "desc")
    assert sorted(log["id"] for log in logs) == sorted(ids)


def test_cursor_keeps_the_range_of_its_first_page(acme: Reader) -> None:
    now = datetime.now(NOW.tzinfo)
    acme.store(*({"timestamp": now - timedelta(minutes=n)} for n in (10, 20, 30)))
    page = acme.get("logs", limit=2).json()
    acme.store({"timestamp": now - timedelta(minutes=5)})
    rest = acme.get("logs", limit=2, cursor=page["next_cursor"]).json()
    assert [len(rest["logs"]), rest["next_cursor"]] == [1, None]


@pytest.mark.parametrize("spoilt", ["{}x", "x{}", "é", "{}:", "a:b:c", ":"])
def test_forged_cursor_is_refused(acme: Reader, spoilt: str) -> None:
    acme.store({}, {})
    cursor = acme.get("logs", **RANGE, limit=1).json()["next_cursor"]
    answer = acme.get("logs", cursor=spoilt.format(cursor))
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_parameter")


def test_cursor_of_another_organisation_is_refused(acme: Reader, rival: Reader) -> None:
    rival.store({}, {})
    cursor = rival.get("logs", **RANGE, limit=1).json()["next_cursor"]
    assert acme.get("logs", **RANGE, cursor=cursor).status_code == 400


@pytest.mark.parametrize(
    ("path", "parameters", "code", "detail"),
    [
        ("logs", {"query": "(a"}, "invalid_query", "ends too early"),
        ("logs", {"limit": "0"}, "invalid_parameter", "limit"),
        ("logs", {"limit": "1001"}, "invalid_parameter", "limit"),
        ("logs", {"limit": "٣"}, "invalid_parameter", "limit"),
        ("logs", {"order": "up"}, "invalid_parameter", "order"),
        ("logs", {"from": "yesterday"}, "invalid_parameter", "from"),
        ("logs", {"from": "0001-01-01T00:00:00+14:00"}, "invalid_parameter", "from"),
        ("logs", {"from": "2026-01-02", "to": "2026-01-01"}, "invalid_parameter", "earlier"),
        ("logs", {"form": "2026-01-02"}, "invalid_parameter", "parameters are"),
        ("logs/histogram", {"from": "2020-01-01", "step": "1"}, "invalid_parameter", "steps"),
        ("logs/export", {"format": "xlsx"}, "invalid_parameter", "format"),
    ],
)
def test_bad_parameter_is_named(acme: Reader, path: str, parameters: dict[str, str], code: str, detail: str) -> None:
    answer = acme.get(path, **parameters)
    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert detail in answer.json()["detail"]


@pytest.mark.parametrize("start", ["0001-01-01", "0001-01-01T00:00:00Z", "9999-12-30"])
def test_range_may_reach_the_ends_of_time(acme: Reader, start: str) -> None:
    asked = {"from": start, "to": "9999-12-31T23:59:59.999999Z"}
    for path in ("logs", "logs/fields"):
        assert acme.get(path, **asked, query="a").status_code == 200


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00", "0001-01-01T00:00:00.000001", "9999-12-31T23:59:59.999998"])
def test_entry_at_the_ends_of_time_is_found(acme: Reader, moment: str) -> None:
    timestamp = datetime.fromisoformat(moment).replace(tzinfo=UTC)
    (entry_id,) = acme.store({"timestamp": timestamp, "received_at": NOW, "trace_id": "t"})
    ends = {"from": "0001-01-01", "to": "9999-12-31T23:59:59.999999Z"}
    for order in ("asc", "desc"):
        logs = acme.get("logs", **ends, query="hello", order=order).json()["logs"]
        assert [log["id"] for log in logs] == [entry_id]
    assert acme.get(f"logs/{entry_id}/context").json()["log"]["id"] == entry_id
    assert acme.get("traces/t", **ends).status_code == 200
    assert acme.get("logs/histogram", **ends, step=31 * 86400).status_code == 400


def test_first_moments_are_counted(acme: Reader) -> None:
    acme.store({"timestamp": datetime(1, 1, 1, tzinfo=UTC), "received_at": NOW})
    assert acme.get("logs/histogram", to="0050-01-01", **{"from": "0001-01-01"}).json()["totals"]["info"] == 1
    assert acme.get("logs", to="0001-01-01T00:00:00.000001").status_code == 200


def test_query_error_has_a_position(acme: Reader) -> None:
    assert acme.get("logs", query="x level:loud").json()["position"] == 8


READ_PATHS = [
    "logs/{id}",
    "logs/{id}/context",
    "traces/{trace}",
]


@pytest.mark.parametrize("path", READ_PATHS)
def test_foreign_and_unknown_look_the_same(acme: Reader, rival: Reader, path: str) -> None:
    (foreign,) = rival.store({"trace_id": "rivals-trace", "metadata": {"trace_id": "rivals-other"}})
    parameters = RANGE if "trace" in path else {}
    known = rival.get(path.format(id=foreign, trace="rivals-trace"), **parameters)
    assert known.status_code == 200
    bodies = []
    for entry_id, trace in [(foreign, "rivals-trace"), (foreign, "rivals-other"), (UNKNOWN_ID, "unknown"), (0, "x")]:
        answer = acme.get(path.format(id=entry_id, trace=trace), **parameters)
        assert answer.status_code == 404
        bodies.append({name: value for name, value in answer.json().items() if name != "request_id"})
    assert all(body == bodies[0] for body in bodies)


@pytest.mark.parametrize("query", ["", "secretmarker", "NOT nothing", "a OR b OR NOT c", "trace:rival OR *"])
def test_nothing_of_another_organisation_is_found(acme: Reader, rival: Reader, query: str) -> None:
    marked = {"message": "secretmarker a", "trace_id": "rival", "metadata": {"secretmarker": "secretmarker"}}
    rival.store(marked, marked)
    acme.store({"message": "ours b"})
    for path in ("logs", "logs/fields", "logs/histogram", "logs/export", *FIGURES):
        answer = acme.get(path, query=query, **RANGE)
        body = b"".join(answer.streaming_content) if answer.streaming else answer.content
        assert answer.status_code == 200
        assert b"secretmarker" not in body
    assert sum(acme.get("logs/histogram", query=query, **RANGE).json()["totals"].values()) <= 1
    assert len(rival.get("logs", query="secretmarker", **RANGE).json()["logs"]) == 2


def test_key_that_may_not_read_is_refused() -> None:
    sender = Reader("sender", scopes=["ingest"])
    (entry_id,) = sender.store({"trace_id": "t"})
    for path in ("logs", "logs/fields", "logs/histogram", "logs/export", f"logs/{entry_id}", "traces/t", *FIGURES):
        answer = sender.get(path)
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden"), path


def test_context_is_of_the_same_project_in_order(acme: Reader) -> None:
    ids = acme.store(
        *({"timestamp": seconds(n), "message": str(n)} for n in range(7)),
        {"timestamp": seconds(3), "project": "other"},
    )
    answer = acme.get(f"logs/{ids[3]}/context", before=2, after=5).json()
    assert [log["message"] for log in answer["before"]] == ["1", "2"]
    assert answer["log"]["message"] == "3"
    assert [log["message"] for log in answer["after"]] == ["4", "5", "6"]
    assert acme.get(f"logs/{ids[3]}/context", before=0, after=0).json()["before"] == []
    whole = acme.get(f"logs/{ids[3]}/context", before=0, after=1, scope="organisation").json()
    assert [log["project"] for log in whole["after"]] == ["other"]
    assert acme.get(f"logs/{ids[3]}/context", scope="world").status_code == 400


def test_trace_is_found_wherever_its_id_was_written(acme: Reader) -> None:
    trace = "7f3b/0c52 ü"
    acme.store(
        {"timestamp": seconds(2), "metadata": {"traceId": trace}},
        {"timestamp": seconds(0), "trace_id": trace},
        {"timestamp": seconds(1), "metadata": {"trace_id": trace}},
        {"timestamp": seconds(1), "trace_id": "another"},
    )
    answer = acme.get(f"traces/{trace}", **RANGE).json()
    assert [log["timestamp"][17:19] for log in answer["logs"]] == ["00", "01", "02"]
    assert answer["is_complete"] is True
    assert acme.get(f"traces/{trace}", **RANGE, limit=2).json()["is_complete"] is False


TRACES = ["x\ny", "x\n", "\n", "\r", " ", "a/../b", "/x", "x/", "%2F", "%0A", "+", "?#", "é", "\x85\u2028", "\x01"]


def test_every_trace_has_its_address(acme: Reader) -> None:
    acme.store(*({"trace_id": trace} for trace in TRACES))
    for trace in TRACES:
        found = acme.get(f"traces/{quote(trace, safe='')}", **RANGE)
        assert (found.status_code, found.json()["trace_id"], len(found.json()["logs"])) == (200, trace, 1)
    for path in ("logs/1\n", "logs/1/context\n", "logs\n", "usage\n"):  # a line end is part of an address
        assert acme.get(quote(path)).status_code == 404


TIMES = [
    "0001-01-01T00:00:00.000000Z",
    "0009-12-31T23:59:59.999999Z",
    "0999-06-01T00:00:00.500000Z",
    "9999-12-31T23:59:59.999999Z",
]


def test_odd_years_are_answered_as_they_may_be_asked_for(acme: Reader) -> None:
    acme.store(*({"timestamp": datetime.fromisoformat(time), "received_at": NOW} for time in TIMES))
    ends = {"from": TIMES[0], "to": TIMES[-1]}
    assert [log["timestamp"] for log in acme.get("logs", **ends, order="asc").json()["logs"]] == TIMES
    for time in TIMES:
        assert acme.get("logs", **{"from": time, "to": "9999-12-31T23:59:59.999999Z"}).status_code in (200, 400)
    exported = b"".join(acme.get("logs/export", **ends, format="csv"))
    assert all(time.encode() in exported for time in TIMES)
    histogram = acme.get("logs/histogram", **ends).json()
    assert histogram["buckets"][0]["start"] == TIMES[0]
    assert histogram["totals"]["info"] == len(TIMES)
    last = acme.get("logs", **ends, limit=1).json()
    assert last["logs"][0]["timestamp"] == TIMES[-1]
    assert len(acme.get("logs", cursor=last["next_cursor"]).json()["logs"]) == len(TIMES) - 1
    assert acme.get(f"logs/{last['logs'][0]['id']}/context").json()["before"] == []


def test_moment_that_is_none_is_refused(acme: Reader) -> None:
    for moment in (
        "infinity", "-infinity", "now", "10000-01-01T00:00:00Z", "9999-12-31T23:59:59-14:00",
        "0001-01-01T00:00:00+14:00", "0000-01-01T00:00:00Z", "1-01-01T00:00:00Z",
    ):  # fmt: skip
        assert acme.get("logs", **{"from": moment}).json()["code"] == "invalid_parameter"


def test_histogram_is_gapless_and_adds_up(acme: Reader) -> None:
    acme.store(
        {"timestamp": seconds(0), "level": "error"},
        {"timestamp": seconds(59.999999), "level": "info"},
        {"timestamp": seconds(120), "level": "info"},
        {"timestamp": seconds(180), "level": "info"},
    )
    answer = acme.get(
        "logs/histogram", step=60, **{"from": seconds(10).isoformat(), "to": seconds(180).isoformat()}
    ).json()
    assert [bucket["start"][11:19] for bucket in answer["buckets"]] == ["12:00:00", "12:01:00", "12:02:00"]
    assert [sum(bucket["counts"].values()) for bucket in answer["buckets"]] == [1, 0, 1]
    assert answer["totals"] == {"debug": 0, "info": 2, "warn": 0, "error": 0, "fatal": 0, "panic": 0}


def test_histogram_of_a_zone_has_its_days(acme: Reader) -> None:
    """Berlin's clocks go back on 2026-10-25, a day of 25 hours; counts come from rollups and from entries."""
    moments = ["2026-10-24T21:59:59", "2026-10-24T22:00:00", "2026-10-25T22:59:59", "2026-10-25T23:00:00"]
    acme.store(*({"timestamp": datetime.fromisoformat(f"{moment}+00:00")} for moment in moments))
    for query in ("", "has:metadata OR level:>=debug"):
        answer = acme.get(
            "logs/histogram", step=86400, zone="Europe/Berlin", query=query,
            **{"from": "2026-10-24T12:00:00Z", "to": "2026-10-26T12:00:00Z"},
        ).json()  # fmt: skip
        starts = ["2026-10-23T22:00:00", "2026-10-24T22:00:00", "2026-10-25T23:00:00"]
        assert [bucket["start"][:19] for bucket in answer["buckets"]] == starts
        assert [bucket["counts"]["info"] for bucket in answer["buckets"]] == [1, 2, 1]
    assert acme.get("logs/histogram", zone="Middle/Earth").status_code == 400


def test_fields_have_types_and_top_values(acme: Reader) -> None:
    acme.store(
        {"metadata": {"status": 200, "user": {"id": "u1"}, "ok": True, "tags": ["a", "b"]}},
        {"metadata": {"status": 200, "user": {"id": "u2"}, "ok": 1}},
        {"metadata": {"status": "n/a"}},
        {},
    )
    answer = acme.get("logs/fields", **RANGE).json()
    fields = {field["name"]: field for field in answer["fields"]}
    assert answer["sampled_entries"] == 4
    assert answer["fields"][0]["name"] == "status"
    assert fields["status"] == {
        "name": "status",
        "types": ["number", "string"],
        "count": 3,
        "values": [{"value": 200, "count": 2}, {"value": "n/a", "count": 1}],
    }
    assert {value["value"] for value in fields["user.id"]["values"]} == {"u1", "u2"}
    assert [type(value["value"]) for value in fields["ok"]["values"]] != [bool]
    assert fields["tags"]["types"] == ["array"]


@pytest.mark.parametrize(
    "path",
    [
        "logs",
        "logs/fields",
        "logs/export",
        "logs/{id}",
        "logs/{id}/context",
        "traces/t",
        "logs/7",
        "traces/none",
        *FIGURES,
    ],
)
def test_nothing_is_read_without_memory_which_comes_back(acme: Reader, path: str) -> None:
    (entry_id,) = acme.store({"trace_id": "t", "timestamp": datetime.now(UTC)})
    address = path.format(id=entry_id)
    for owner in ("one", "another"):
        assert BUDGET.take(BUDGET.for_all // 2, owner=owner)
    try:
        refused = acme.get(address)
        assert (refused.status_code, refused.json()["code"], refused["Retry-After"]) == (503, "overloaded", "1")
    finally:
        for owner in ("one", "another"):
            BUDGET.give_back(BUDGET.for_all // 2, owner=owner)
    assert b"".join(acme.get(address)) != b""
    acme.get(address, **{"from": "never", "nonsense": 1})
    assert BUDGET.taken == 0


@pytest.mark.parametrize("method", ["put", "patch", "delete"])
def test_other_methods_are_refused_with_allow(acme: Reader, method: str) -> None:
    answer = getattr(acme.client, method)("/v1/logs")
    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
    assert {"GET", "HEAD", "OPTIONS"} <= set(answer["Allow"].split(", "))


def test_options_and_head_are_answered(acme: Reader) -> None:
    assert acme.client.options("/v1/logs").status_code == 204
    assert acme.client.head("/v1/logs").status_code == 200


def test_late_and_early_entries_are_found_by_their_own_time(acme: Reader) -> None:
    late, early = acme.store(
        {"timestamp": NOW - timedelta(days=200), "received_at": NOW},
        {"timestamp": NOW + timedelta(hours=20), "received_at": NOW},
    )
    for moment, entry_id in [(NOW - timedelta(days=200), late), (NOW + timedelta(hours=20), early)]:
        asked = {"from": (moment - HOUR).isoformat(), "to": (moment + HOUR).isoformat()}
        assert [log["id"] for log in acme.get("logs", **asked).json()["logs"]] == [entry_id]


def test_every_answer_tells_the_limit_of_reading(acme: Reader) -> None:
    for path in ("logs", "logs?limit=0", f"logs/{UNKNOWN_ID}", "logs/export"):
        answer = acme.get(path)
        assert answer["X-RateLimit-Limit"] == "1800"
        assert int(answer["X-RateLimit-Remaining"]) < 1800
        answer.close()


def test_reading_is_limited_apart_from_sending(acme: Reader) -> None:
    ApiKey.objects.filter(organisation=acme.organisation).update(requests_per_minute=1)
    assert acme.get("logs").status_code == 200
    assert acme.get("logs").json()["code"] == "rate_limited"
    sent = acme.client.post("/v1/logs", {"logs": []}, content_type="application/json")
    assert sent.json()["code"] == "empty_batch"


def test_what_was_sent_is_read_back(acme: Reader) -> None:
    entry = {"timestamp": NOW.isoformat(), "level": "warn", "message": "low", "metadata": {"disk": "sda1"}}
    sent = acme.client.post("/v1/logs/", {"logs": [entry]}, content_type="application/json")
    assert sent.status_code == 200
    drain()
    (log,) = acme.get("logs/", **RANGE, query="disk:sda1").json()["logs"]
    assert (log["level"], log["message"], log["project"]) == ("warn", "low", "shop")


def test_description_has_an_example_of_every_address() -> None:
    schema = SchemaGenerator().get_schema(request=None, public=True)
    described = {path for path in schema["paths"] if "get" in schema["paths"][path]}
    ours = {"", "/histogram", "/fields", "/export", "/{entry_id}", "/{entry_id}/context"}
    addresses = {f"/v1/logs{path}" for path in ours} | {"/v1/traces/{trace_id}"}
    assert addresses <= described
    for path in sorted(addresses - {"/v1/logs/export"}):
        content = schema["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]
        (example,) = content["examples"].values()
        validate(example["value"], content["schema"])
