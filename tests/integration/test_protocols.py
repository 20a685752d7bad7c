"""The seam of protocols: one of our own, made here, and NDJSON go through everything that the published API has."""

import gzip
import json
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from django.test import Client
from django.urls import include, path

from accounts.models import Organisation, Project
from foundation.refusals import Refusal
from ingest import metrics
from ingest.canonical import canonical_lines
from ingest.models import SpooledBatch
from ingest.protocol import Incoming, Kept, Protocol, Reply, Wishes
from ingest.protocols.ndjson import MAX_LINES, NDJSON
from ingest.spool.payload import unpack
from ingest.timestamps import read_timestamp
from ingest.views import takes
from quotas import outcomes
from quotas.models import HourlyUsage, MonthlyUsage
from storage.entry import Entry
from tests.organisations import make_api_key, make_organisation

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.urls("tests.integration.test_protocols")]
TIME = "2026-11-26T10:00:00Z"


class Telegram(Protocol):
    """A line an entry: `LEVEL TEXT STOP`, in plain text. It is all there is of this protocol, and all it needs."""

    name = "telegram"
    media_types = frozenset({"text/plain"})
    max_entries = 3_000

    def read(self, body: bytes, _wishes: Wishes) -> Incoming:
        entries = []
        for line in body.decode().splitlines():
            level, _, text = line.removesuffix(" STOP").partition(" ")
            if not line.endswith(" STOP"):
                raise Refusal("malformed_json", "STOP MISSING STOP")
            entry = {"timestamp": read_timestamp(f'"{TIME}"'.encode()), "level": level.lower(), "message": text}
            entries.append(msgspec.convert(entry, Entry))
        return Incoming(entries=canonical_lines(entries))

    def key_in_body(self, body: bytes) -> str | None:
        return body.decode().partition("KEY ")[2].split()[0] if b"KEY " in body else None

    def answer(self, kept: Kept) -> Reply:
        return Reply(body=b"RECEIVED %d STOP" % len(kept.incoming.entries), media_type="text/plain")

    def refusal(self, refusal: Refusal, **_: object) -> Reply:
        body = f"REFUSED {refusal.code.upper()} STOP".encode()
        return Reply(body=body, media_type="text/plain", status=refusal.status, headers=refusal.headers)


urlpatterns = [
    path("telegram", takes(Telegram())),
    path("v1/", include("ingest.urls")),
    path("v1/", include("quotas.urls")),
]


@pytest.fixture(autouse=True)
def _nothing_noted(transactional_db: None) -> Iterator[None]:
    outcomes.flush()
    yield
    outcomes.flush()


@pytest.fixture
def key() -> str:
    return make_api_key(make_organisation("acme"))[1]


def send(body: bytes | str, *, to: str, key: str | None, media_type: str = "text/plain", **headers: str) -> Any:
    given = {name.replace("_", "-"): value for name, value in headers.items()} | ({"x-api-key": key} if key else {})
    return Client().post(to, body, content_type=media_type, headers=given)


def stored() -> list[dict[str, Any]]:
    batches = SpooledBatch.objects.order_by("pk")
    return [json.loads(line) for batch in batches for line in unpack(bytes(batch.payload))]


def rejected(code: str) -> float:
    """How many entries this process has counted as refused with `code`."""
    return float(metrics.REJECTED_ENTRIES.labels(code)._value.get())


def counted() -> dict[str, int]:
    outcomes.flush()
    return dict(HourlyUsage.objects.values_list("outcome", "requests"))


# --- a protocol of this test's own ------------------------------------------------------------------------------------


def test_own_protocol_is_kept_charged_and_answered_in_its_words(key: str) -> None:
    answer = send("INFO HELLO STOP\nWARN BYE STOP\n", to="/telegram", key=key)
    assert (answer.status_code, answer["Content-Type"], answer.content) == (200, "text/plain", b"RECEIVED 2 STOP")
    assert [(entry["level"], entry["message"]) for entry in stored()] == [("info", "HELLO"), ("warn", "BYE")]
    assert MonthlyUsage.objects.get().entries == 2
    assert int(answer["X-RateLimit-Remaining"]) >= 0


def test_own_protocol_finds_its_key_where_it_has_it(key: str) -> None:
    answer = send(f"INFO KEY {key} STOP", to="/telegram", key=None)
    assert answer.status_code == 200
    assert "Deprecation" in answer


@pytest.mark.parametrize(
    ("body", "has_key", "media_type", "status", "said"),
    [
        ("INFO HELLO", True, "text/plain", 400, b"REFUSED MALFORMED_JSON STOP"),
        ("INFO HELLO STOP", False, "text/plain", 401, b"REFUSED MISSING_API_KEY STOP"),
        ("INFO HELLO STOP", True, "application/json", 415, b"REFUSED UNSUPPORTED_MEDIA_TYPE STOP"),
    ],
)
def test_own_protocol_refuses_in_its_words(
    key: str, body: str, has_key: bool, media_type: str, status: int, said: bytes
) -> None:
    answer = send(body, to="/telegram", key=key if has_key else None, media_type=media_type)
    assert (answer.status_code, answer.content) == (status, said)
    assert stored() == []


def test_refusals_of_own_protocol_are_counted(key: str) -> None:
    send("INFO HELLO", to="/telegram", key=key)
    assert counted() == {"malformed_json": 1}


def test_own_protocol_is_limited() -> None:
    _, key = make_api_key(make_organisation("slow"), requests_per_minute=1)
    assert send("INFO HELLO STOP", to="/telegram", key=key).status_code == 200
    refused = send("INFO HELLO STOP", to="/telegram", key=key)
    assert (refused.status_code, refused.content) == (429, b"REFUSED RATE_LIMITED STOP")
    assert int(refused["Retry-After"]) > 0


def test_more_entries_than_a_batch_holds_are_several_batches_of_one_request(key: str) -> None:
    answer = send("INFO HELLO STOP\n" * 2_500, to="/telegram", key=key)
    assert answer.content == b"RECEIVED 2500 STOP"
    batches = SpooledBatch.objects.order_by("pk")
    assert [(batch.entries, batch.requests) for batch in batches] == [(1000, 0), (1000, 0), (500, 1)]
    assert MonthlyUsage.objects.get().entries == 2_500


def test_repetition_gets_the_answer_again_byte_by_byte(key: str) -> None:
    first = send("INFO HELLO STOP", to="/telegram", key=key, idempotency_key="once")
    again = send("INFO HELLO STOP", to="/telegram", key=key, idempotency_key="once")
    assert (again.content, again["Content-Type"]) == (first.content, first["Content-Type"])
    assert again["Idempotency-Replayed"] == "true"
    assert len(stored()) == 1
    assert counted() == {"deduplicated": 1}


def test_repetition_is_one_of_the_same_api_key_only(key: str) -> None:
    organisation = Organisation.objects.get()
    _, of_the_same_project = make_api_key(organisation)
    _, of_another_project = make_api_key(
        organisation, project=Project.objects.create(organisation=organisation, name="Depot", slug="depot")
    )
    _, of_a_stranger = make_api_key(make_organisation("globex"))
    for number, one in enumerate([key, of_the_same_project, of_another_project, of_a_stranger]):
        for message in ("SAME", f"OTHER {number}"):
            answer = send(f"INFO {message} STOP", to="/telegram", key=one, idempotency_key=f"daily {message[0]}")
            assert (answer.status_code, answer.get("Idempotency-Replayed")) == (200, None)
        assert send("INFO SAME STOP", to="/telegram", key=one, idempotency_key="daily S")["Idempotency-Replayed"]
        assert send("INFO NEW STOP", to="/telegram", key=one, idempotency_key="daily S").status_code == 422
    assert sorted(entry["message"] for entry in stored()) == [f"OTHER {number}" for number in range(4)] + ["SAME"] * 4


# --- NDJSON ---------------------------------------------------------------------------------------------------------


def log(message: str = "hello", **fields: object) -> dict[str, object]:
    return {"timestamp": TIME, "level": "info", "message": message, **fields}


def ndjson(*entries: object) -> str:
    return "\n".join(json.dumps(entry) for entry in entries)


def post_ndjson(body: bytes | str, key: str, **headers: str) -> Any:
    return send(body, to="/v1/ndjson", key=key, media_type="application/x-ndjson", **headers)


@pytest.mark.parametrize("body", [ndjson(log("a"), log("b")), json.dumps([log("a"), log("b")], indent=2)])
def test_lines_and_arrays_are_taken(key: str, body: str) -> None:
    answer = post_ndjson(body, key)
    assert answer.status_code == 200, answer.content
    assert (answer.json()["processed"], answer.json()["rejected"], answer.json()["errors"]) == (2, 0, [])
    assert [entry["message"] for entry in stored()] == ["a", "b"]


def test_blank_lines_and_line_ends_of_windows_are_no_entries(key: str) -> None:
    answer = post_ndjson("\ufeff" + ndjson(log("a")) + "\r\n\r\n \n" + ndjson(log("b")) + "\n", key)
    assert answer.json()["processed"] == 2


def test_what_is_wrong_keeps_nothing_else(key: str) -> None:
    body = "\n".join([ndjson(log("a")), "{broken", ndjson({"level": "loud"}), "7", ndjson(log("b"))])
    answer = post_ndjson(body, key).json()
    assert (answer["processed"], answer["rejected"]) == (3, 2)
    found = {(error["pointer"], error["code"]) for error in answer["errors"]}
    assert found == {("/1", "malformed_json"), ("/3", "invalid_type")}
    assert [entry["level"] for entry in stored()] == ["info"] * 3
    assert stored()[1]["metadata"] == {"severity_text": "loud"}


@pytest.mark.parametrize(
    ("to", "body", "by_code"),
    [
        (
            "/v1/ndjson",
            "\n".join([ndjson(log("a"), log("b", level="loud")), *["{broken"] * 6, "7", "8"]),
            {"invalid_type": 2, "malformed_json": 6},
        ),
        (
            "/v1/logs",
            json.dumps({"logs": [log("a"), log("b", level="loud"), *[log(metadata="{broken")] * 5, 7, 8]}),
            {"invalid_level": 1, "invalid_type": 7},
        ),
    ],
)
def test_what_is_refused_leniently_is_counted_by_its_code(
    key: str, to: str, body: str, by_code: dict[str, int]
) -> None:
    before = {code: rejected(code) for code in by_code}
    lenient = send(body, to=to, key=key, media_type="application/json", prefer="handling=lenient")
    assert lenient.json()["rejected"] == 8
    assert {code: rejected(code) - before[code] for code in by_code} == by_code
    by_protocol = {"protocol.ndjson": 1} if to == "/v1/ndjson" else {}
    assert counted() == {f"rejected.{code}": 1 for code in by_code} | by_protocol
    [line] = Client().get("/v1/usage", headers={"x-api-key": key}).json()["by_api_key"]
    assert (line["rejected_entries"], line["dropped_entries"], line["refused_requests"]) == (by_code, 8, 0)


def test_repetition_counts_no_entry_again(key: str) -> None:
    body = ndjson(log("a"), 7)
    for _ in range(3):
        assert post_ndjson(body, key, idempotency_key="once").json()["rejected"] == 1
    outcomes.flush()
    assert dict(HourlyUsage.objects.values_list("outcome", "entries")) == {
        "rejected.invalid_type": 1,
        "protocol.ndjson": 1,
        "deduplicated": 0,
    }


def test_nothing_valid_is_refused(key: str) -> None:
    answer = post_ndjson("{broken\n7", key)
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed_json")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("\n", "empty_batch"),
        (" \n\n", "empty_batch"),
        ("[]", "empty_batch"),
        ("[1, 2", "malformed_json"),
        (b"\xff\xfe", "malformed_json"),
    ],
)
def test_bodies_without_an_entry_are_refused(key: str, body: str | bytes, code: str) -> None:
    answer = post_ndjson(body, key)
    assert (answer.status_code, answer.json()["code"]) == (400, code)


def test_unstorable_text_is_repaired(key: str) -> None:
    body = json.dumps(log("TEXT")).replace("TEXT", r"a\u0000b\ud800c")
    assert post_ndjson(body, key).status_code == 200
    assert stored()[0]["message"] == "a\ufffdb\ufffdc"


def test_thousands_of_lines_are_kept_together(key: str) -> None:
    body = gzip.compress(ndjson(*(log(str(number)) for number in range(2_345))).encode())
    answer = post_ndjson(body, key, content_encoding="gzip")
    assert answer.json()["processed"] == 2_345
    assert [int(entry["message"]) for entry in stored()] == list(range(2_345))


@pytest.mark.parametrize("separator", ["\n", ","])
def test_more_than_100_000_entries_are_too_many(key: str, separator: str) -> None:
    lines = separator.join(["{}"] * (NDJSON.max_entries + 1))
    answer = post_ndjson(lines if separator == "\n" else f"[{lines}]", key)
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")


def test_blank_lines_cost_little(key: str) -> None:
    answer = post_ndjson("\n" * (MAX_LINES * 50) + ndjson(log("never read")), key)
    assert (answer.status_code, answer.json()["code"]) == (400, "empty_batch")


def test_accept_refuses_nothing(key: str) -> None:
    for accept in ("text/html", "image/png;q=0.5", "application/xml", "nonsense"):
        answer = send(ndjson(log()), to="/v1/ndjson", key=key, media_type="application/x-ndjson", accept=accept)
        assert (answer.status_code, answer["Content-Type"]) == (200, "application/json")
