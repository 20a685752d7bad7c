"""Agents that people run already: each protocol's entries are kept, answered and refused as its clients expect."""

import base64
import gzip
import json
import zlib
from collections.abc import Iterator
from typing import Any

import pytest
from cramjam import snappy
from django.db.models import Sum
from django.test import Client

from accounts.last_use import plain_http
from accounts.models import ApiKey, Organisation
from foundation import valkey
from ingest.models import SpooledBatch
from ingest.protocol import Head
from ingest.protocols.elasticsearch import handshake
from ingest.protocols.loki import wire as loki
from ingest.spool.payload import unpack
from notify.models import Notice
from quotas import notices, outcomes
from quotas.limiter import limiter
from quotas.limits import limits_for
from quotas.models import HourlyUsage, MonthlyUsage, Plan
from quotas.throttling import levels_of
from tests.agent_bodies import (
    DATADOG_ENTRY,
    DATADOG_LOG,
    DOCUMENT,
    DOCUMENT_ENTRY,
    GELF_ENTRY,
    GELF_MESSAGE,
    HEC_ENTRIES,
    HEC_EVENTS,
    OTLP_ENTRY,
    PROTOBUF,
    SENTRY_ENTRY,
    SENTRY_EVENT,
    TRACE,
    bulk,
    envelope,
    loki_entry,
    loki_json,
    loki_push,
    otlp_json,
    otlp_request,
)
from tests.organisations import caller_of, make_api_key, make_organisation, make_plan

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _nothing_noted(transactional_db: None) -> Iterator[None]:
    outcomes.flush()
    yield
    outcomes.flush()


@pytest.fixture
def key() -> str:
    return make_api_key(make_organisation("acme", plan=make_plan()))[1]


def send(to: str, body: bytes | str, *, key: str | None, media_type: str = "application/json", **headers: str) -> Any:
    given = {name.replace("_", "-"): value for name, value in headers.items()} | ({"x-api-key": key} if key else {})
    return Client().post(to, body, content_type=media_type, headers=given)


def stored() -> list[dict[str, Any]]:
    batches = SpooledBatch.objects.order_by("pk")
    return [json.loads(line) for batch in batches for line in unpack(bytes(batch.payload))]


def counted(field: str = "requests") -> dict[str, int]:
    outcomes.flush()
    return dict(HourlyUsage.objects.values_list("outcome").annotate(Sum(field)))  # an hour may end in the midst


# --- OTLP -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "to", ["/v1/logs", "/otlp/v1/logs", "/otlp/v1/logs/", "/ingest/otlp/v1/logs", "/ingest/v1/logs"]
)
def test_otlp_protobuf_is_kept(key: str, to: str):
    answer = send(to, otlp_request().SerializeToString(), key=key, media_type=PROTOBUF)
    assert (answer.status_code, answer["Content-Type"], answer.content) == (200, PROTOBUF, b"")
    assert stored() == [OTLP_ENTRY]
    assert counted() == {"protocol.otlp": 1}


@pytest.mark.parametrize("to", ["/v1/logs", "/otlp/v1/logs"])
@pytest.mark.parametrize("snake", [False, True])
def test_otlp_json_is_kept(key: str, to: str, snake: bool):
    body = gzip.compress(json.dumps(otlp_json(snake=snake)).encode())
    answer = send(to, body, key=key, content_encoding="gzip")
    assert (answer.status_code, answer.json()) == (200, {"partialSuccess": {}})
    assert stored() == [OTLP_ENTRY]


def test_otlp_takes_lists_and_lines_of_requests(key: str):
    one = json.dumps(otlp_json())
    for body in (f"[{one},{one}]", f"{one}\n{one}\n"):
        assert send("/v1/logs", body, key=key).status_code == 200
    assert stored() == [OTLP_ENTRY] * 4


def test_bodies_of_fluent_bit_are_understood(key: str):
    record = {"body": {"kvlistValue": {"values": [
        {"key": "log", "value": {"stringValue": "boom"}}, {"key": "level", "value": {"stringValue": "error"}},
        {"key": "pid", "value": {"intValue": 7}},
    ]}}}  # fmt: skip
    body = json.dumps({"resourceLogs": [{"scopeLogs": [{"logRecords": [record, {"eventName": "click"}]}]}]})
    assert send("/otlp/v1/logs", body, key=key).status_code == 200
    found = [(entry["level"], entry["message"], entry.get("metadata")) for entry in stored()]
    assert found == [("error", "boom", {"pid": 7}), ("info", "click", None)]


def test_one_bad_byte_loses_nothing(key: str):
    good = otlp_request(3, text=b"helloXworld").SerializeToString()
    assert (
        send("/v1/logs", good.replace(b"helloXworld", b"hello\xffworld"), key=key, media_type=PROTOBUF).status_code
        == 200
    )
    assert [entry["message"] for entry in stored()] == ["hello�world"] * 3


def test_otlp_refuses_in_its_words(key: str):
    broken = send("/v1/logs", b"\x0a\xff\xff", key=key, media_type=PROTOBUF)
    assert (broken.status_code, broken["Content-Type"], broken.content[:2]) == (400, PROTOBUF, b"\x08\x03")
    missing = send("/otlp/v1/logs", json.dumps(otlp_json()), key=None)
    assert (missing.status_code, missing.json()["code"]) == (401, 16)
    for signal in ("/v1/traces", "/v1/metrics", "/otlp/v1/metrics", "/ingest/otlp/v1/traces/"):
        other = send(signal, b"{}", key=key)
        assert (other.status_code, other.json()["code"]) == (404, 5)
        assert "Only logs" in other.json()["message"]


def test_what_was_cut_is_told_once_a_minute(key: str):
    body = otlp_request(text=b"x" * 20_000).SerializeToString()
    first, second = (send("/v1/logs", body, key=key, media_type=PROTOBUF) for _ in range(2))
    assert (b"luminalog.cut" in first.content, second.content) == (True, b"")
    assert counted("entries") == {"protocol.otlp": 2, "cut.message": 2}
    assert (notices.raise_due(), notices.raise_due()) == (1, 0)
    assert [notice.kind for notice in Notice.objects.all()] == ["cut"]


def test_published_api_stays_as_it_was_beside_otlp(key: str):
    line = {"timestamp": "2026-11-27T10:00:00Z", "level": "info", "message": 'says "resourceLogs"'}
    assert send("/v1/logs", json.dumps({"logs": [line], "resourceLogs": []}), key=key).json()["processed"] == 1
    assert send("/v1/logs", json.dumps({"resource": []}), key=key).json()["code"] == "field_required"
    coded = send("/v1/logs", zlib.compress(json.dumps({"logs": [line]}).encode()), key=key, content_encoding="deflate")
    assert (coded.status_code, coded.json()["code"]) == (415, "unsupported_encoding")
    otlp = send("/v1/logs", zlib.compress(json.dumps(otlp_json()).encode()), key=key, content_encoding="deflate")
    assert otlp.status_code == 200


# --- Loki -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("media_type", "coding"), [(PROTOBUF, ""), (PROTOBUF, "snappy"), ("", "")])
@pytest.mark.parametrize("to", ["/loki/api/v1/push", "/api/prom/push/", "/ingest/loki/api/v1/push"])
def test_loki_protobuf_is_kept(key: str, to: str, media_type: str, coding: str):
    body = bytes(snappy.compress_raw(loki_push(b"hello", b'{"msg": "json", "level": 50, "pid": 7}', b"bad \xff byte")))
    answer = send(to, body, key=key, media_type=media_type, **({"content_encoding": coding} if coding else {}))
    assert (answer.status_code, answer.content) == (204, b"")
    assert "Content-Type" not in answer
    assert stored() == [loki_entry(), loki_entry("json", pid=7), loki_entry("bad � byte")]


def test_loki_json_is_kept(key: str):
    body = json.dumps(loki_json("hello", '{"msg": "json", "pid": 7}'))
    assert send("/loki/api/v1/push", body, key=key).status_code == 204
    assert (
        send("/loki/api/v1/push", zlib.compress(body.encode()), key=key, content_encoding="deflate").status_code == 204
    )
    assert stored() == [loki_entry(), loki_entry("json", pid=7)] * 2


@pytest.mark.parametrize(
    ("body", "messages"),
    [
        ('{"streams": null}', []),
        ("{}", []),
        (
            '{"streams": [{"stream": {}, "values": [["1795773600123456789", "a", {}], [1795773600123456789,"b"],1]}]}',
            "ab",
        ),
        ('{"streams": [{"labels": "{a=\\"b\\"}", "entries": [{"ts": "2026-11-27T10:00:00Z", "line": "a"}]}]}', "a"),
        ('{"streams": [{"stream": {"a": NaN}, "values": [["1", "a"]]}]}', "a"),
    ],
)
def test_loki_json_of_all_kinds_is_taken(key: str, body: str, messages: str):
    assert send("/loki/api/v1/push", body, key=key).status_code == 204
    assert [entry["message"] for entry in stored()] == list(messages)


def test_labels_are_read_as_prometheus_writes_them():
    assert loki.labels_of(r'{a="x", b_2 = "q\"\\\n,}", c=""}') == {"a": "x", "b_2": 'q"\\\n,}', "c": ""}
    assert loki.labels_of("{}") == {}
    assert loki.labels_of("nonsense") == {"labels": "nonsense"}


def test_loki_refuses_in_plain_text(key: str):
    refused = send("/loki/api/v1/push", b"nonsense", key=key, media_type=PROTOBUF)
    assert (refused.status_code, refused["Content-Type"]) == (400, "text/plain; charset=utf-8")
    assert send("/loki/api/v1/push", "{", key=key).status_code == 400
    for address in ("/ready", "/loki/api/v1/labels", "/ingest/ready"):
        assert Client().get(address).status_code == 200
        assert Client().head(address).status_code == 200


# --- Elasticsearch ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("to", ["/_bulk", "/app/_bulk", "/elasticsearch/_bulk/", "/ingest/elasticsearch/app/_bulk"])
@pytest.mark.parametrize("method", ["post", "put"])
def test_bulk_is_kept(key: str, to: str, method: str):
    body = bulk(({"create": {"_index": "app", "attempts": 0}}, DOCUMENT))
    accept = "application/vnd.elasticsearch+json; compatible-with=9"
    answer = getattr(Client(), method)(
        to, body, content_type="application/x-ndjson", headers={"x-api-key": key, "Accept": accept}
    )
    item = b'{"create":{"_index":"app","_id":"","_version":1,"result":"created","status":201}}'
    assert (answer.status_code, answer.content) == (200, b'{"took":1,"errors":false,"items":[%b]}' % item)
    assert (answer["Content-Type"], answer["X-Elastic-Product"]) == (accept, "Elasticsearch")
    assert stored() == [DOCUMENT_ENTRY]


def test_each_action_has_its_item(key: str):
    body = (
        bulk(({"index": {"_id": "1"}}, {"message": "a"}), ({"delete": {"_index": "x", "_id": "2"}}, None))
        + '\r\n{"index": {}}\r\n{broken\r\n\r\n'
        + bulk(({"update": {"_id": "3"}}, {"doc": {"message": "b"}}), ({"nonsense": {}}, {}))
        + '{"create": {}}\n{"message": "c"}'
    )
    answer = send("/logs/_bulk", body, key=key).json()
    assert answer["errors"] is True
    assert [(*item, next(iter(item.values()))["status"]) for item in answer["items"]] == [
        ("index", 201), ("delete", 404), ("index", 400), ("update", 200), ("index", 400), ("create", 201),
    ]  # fmt: skip
    assert [(entry["message"], entry.get("metadata")) for entry in stored()] == [("a", None), ("b", None), ("c", None)]
    assert counted("entries") == {"protocol.elasticsearch": 3, "rejected.malformed_json": 2}


def test_elasticsearch_refuses_in_its_words(key: str):
    for refused, status, kind in (
        (send("/_bulk", "\n", key=key), 400, "illegal_argument_exception"),
        (send("/_bulk", "{}", key=None), 401, "security_exception"),
        (Client().get("/elasticsearch/"), 401, "security_exception"),
    ):
        assert (refused.status_code, refused.json()["status"], refused.json()["error"]["type"]) == (
            status,
            status,
            kind,
        )
    assert send("/_bulk", "{}", key=None)["WWW-Authenticate"] == 'Basic realm="luminalog"'


@pytest.mark.parametrize(
    ("method", "asked", "said"),
    [
        ("GET", "/_license", '"status":"active"'), ("GET", "/_xpack", '"features"'),
        ("HEAD", "/_index_template/logs", ""), ("GET", "/_index_template/logs", '"index_templates":[]'),
        ("GET", "/_ilm/policy/filebeat", '"filebeat":{'), ("PUT", "/_ingest/pipeline/x", '"acknowledged":true'),
        ("PUT", "/elasticsearch/logs-2026", '"acknowledged":true'), ("GET", "/_cluster/health/x?wait=1", '"green"'),
        ("GET", "/_nodes/http", "{}"), ("GET", "/ingest/_license", '"basic"'),
        ("GET", "/ingest/elasticsearch", "You Know"),
    ],
)  # fmt: skip
def test_everything_is_set_up_already(key: str, method: str, asked: str, said: str):
    answer = Client().generic(method, asked, headers={"x-api-key": key})
    assert (answer.status_code, answer["X-Elastic-Product"]) == (200, "Elasticsearch")
    assert said in answer.content.decode()


@pytest.mark.parametrize(
    ("headers", "version"),
    [
        ({"Accept": "application/vnd.elasticsearch+json; compatible-with=9"}, "9.0.0"),
        ({"Accept": "application/vnd.elasticsearch+json;compatible-with=7"}, "7.17.0"),
        ({"User-Agent": "Elastic-filebeat/8.11.3 (linux)"}, "8.11.3"),
        ({"User-Agent": "elasticsearch-py/7.17.9 (Python 3)"}, "7.17.9"),
        ({"User-Agent": "Logstash/8.x"}, "8.17.0"),
    ],
)
def test_root_is_an_elasticsearch_for_who_looks_for_one(key: str, headers: dict[str, str], version: str):
    credentials = base64.b64encode(f"elastic:{key}".encode()).decode()
    answer = Client().get("/", headers={"Authorization": f"Basic {credentials}", **headers})
    assert (answer.status_code, answer.json()["version"]["number"]) == (200, version)
    assert len(answer.json()["cluster_uuid"]) == 22


def test_root_is_a_page_for_everybody_else():
    assert "text/html" in Client().get("/", headers={"User-Agent": "curl/8"})["Content-Type"]
    head = Head(captured={"asked": ""})
    assert handshake.answer(head, method="GET", cluster_id="x", version="8.1.0") is not None


# --- Splunk -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("between", ["", "\n", "\r\n \n"])
@pytest.mark.parametrize(
    "to", ["/services/collector", "/services/collector/event/1.0", "/ingest/services/collector/event/"]
)
def test_events_of_splunk_are_kept(key: str, to: str, between: str):
    answer = send(to, between.join(map(json.dumps, HEC_EVENTS)), key=None, authorization=f"Splunk {key}")
    assert (answer.status_code, answer.content) == (200, b'{"text":"Success","code":0}')
    assert stored() == HEC_ENTRIES


def test_events_of_splunk_are_opened(key: str):
    body = "".join(
        [
            '{"event": "{\\"msg\\": \\"}{\\", \\"level\\": 50}", "fields": {"otel.log.severity.text": "debug"}}',
            '{"event": "a", "time": "never", "fields": {"otel.log.severity.text": "ERROR"}}',
            '{"event": {"message": {"a": 1}, "severity": "warning"}, "fields": {"level": "info", "b": 2}} junk ',
            '{"message": "bare", "level": 30}[{"event": {"line": {"msg": "in", "level": "fatal"}, "tag": "t"}}',
            '{"event": null}\n{"event": \n{"event": "last"}',
        ]
    )
    assert send("/services/collector/event", body, key=key).status_code == 200
    found = [(entry["level"], entry["message"], entry.get("metadata")) for entry in stored()]
    assert found == [
        ("error", "}{", None),
        ("error", "a", {"luminalog.original_time": "never"}),
        ("warn", '{"a":1}', {"b": 2}),
        ("info", "bare", None),
        ("fatal", "in", {"tag": "t"}),
        ("info", "last", None),
    ]


def test_lines_of_splunk_are_kept(key: str):
    to = "/services/collector/raw?host=web-1&sourcetype=app&time=1795773600.123456&channel=x"
    assert send(to, 'one\r\n\n{"msg": "two", "level": "error"}', key=key, media_type="").status_code == 200
    about = {"host": "web-1", "sourcetype": "app"}
    assert [(one["timestamp"], one["level"], one["message"], one["metadata"]) for one in stored()] == [
        ("2026-11-27T10:00:00.123456Z", "info", "one", about),
        ("2026-11-27T10:00:00.123456Z", "error", "two", about),
    ]


def test_splunk_answers_and_refuses_in_its_words(key: str):
    to = "/services/collector/event"
    for refused, status, said in (
        (send(to, "{}", key=None), 401, {"text": "Token is required", "code": 2}),
        (send(to, "{}", key="ll_" + "0" * 48), 403, {"text": "Invalid token", "code": 4}),
        (send(to, " ", key=key), 400, {"text": "No data", "code": 5}),
        (send(to, "x", key=key), 400, {"text": "Invalid data format", "code": 6, "invalid-event-number": 0}),
        (send(to, "{}", key=key), 400, {"text": "Event field is required", "code": 12, "invalid-event-number": 0}),
        (send("/services/collector/ack", "{}", key=key), 400, {"text": "ACK is disabled", "code": 14}),
        (Client().get("/services/collector/health/1.0"), 200, {"text": "HEC is healthy", "code": 17}),
    ):
        assert (refused.status_code, refused.json()) == (status, said)
    for path in ("", "/event", "/event/1.0", "/raw", "/raw/1.0", "/health", "/ack"):
        assert Client().options(f"/services/collector{path}").status_code == 200, path


# --- Datadog and GELF -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("to", ["/api/v2/logs", "/v1/input", "/ingest/api/v2/logs/"])
def test_logs_of_datadog_are_kept(key: str, to: str):
    opened = {"message": json.dumps({"message": "in", "level": "debug", "status": 200})}
    for body in ([DATADOG_LOG, {}], DATADOG_LOG, opened, {"message": {"message": "in"}}, {}, []):
        answer = send(to, json.dumps(body), key=None, dd_api_key=key)
        assert (answer.status_code, answer.json()) == (202, {})
    assert stored()[:2] == [DATADOG_ENTRY] * 2
    found = [(one["level"], one["message"], one.get("metadata")) for one in stored()[2:]]
    assert found == [("debug", "in", {"status": 200}), ("info", "in", None)]


def test_datadog_finds_its_key_in_the_address_and_refuses_in_its_words(key: str):
    assert send(f"/api/v2/logs?dd-api-key={key}&ddsource=x", "{}", key=None).status_code == 202
    assert Client().get("/api/v1/validate", headers={"DD-API-KEY": key}).json() == {"valid": True}
    for refused in (
        send("/api/v2/logs", "{}", key=None, dd_api_key="ll_" + "0" * 48),
        Client().get("/api/v1/validate", headers={"DD-API-KEY": "ll_" + "0" * 48}),
    ):
        assert (refused.status_code, refused.json()) == (403, {"errors": ["Forbidden"]})
    assert send("/api/v2/logs", "[1]", key=key).status_code == 400
    assert send(f"/v1/ndjson?dd-api-key={key}", LINES, key=None).status_code == 401
    assert send("/gelf", "{}", key=None, dd_api_key=key, authorization=f"Bearer ll_{'0' * 48}").status_code == 401


@pytest.mark.parametrize("between", ["\0", "\n"])
def test_messages_of_gelf_are_kept(key: str, between: str):
    calm = {"short_message": "calm", "full_message": "calm\nand long", "level": 6, "_message": "own", "_version": "2"}
    only_long = {"full_message": "long", "facility": "f", "_id": 1}
    body = between.join(map(json.dumps, [GELF_MESSAGE, calm, only_long])) + between
    packed = zlib.compress(body.encode())
    answer = send("/gelf", packed, key=key, media_type="", content_encoding="gzip,deflate")  # as graypy says it
    assert (answer.status_code, answer.content) == (202, b"")
    first, *others = stored()
    assert first == GELF_ENTRY
    assert [(one["level"], one["message"], one["metadata"]) for one in others] == [
        ("info", "calm", {"_message": "own", "version": "2", "full_message": "calm\nand long"}),
        ("info", "long", {"facility": "f"}),
    ]
    assert send("/gelf", "{\n}", key=key).status_code == 202
    refused = send("/gelf", "x", key=key)
    assert (refused.status_code, refused.json()["type"]) == (400, "ApiError")


# --- Sentry -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def dsn_key() -> str:
    return make_api_key(make_organisation("public", plan=make_plan()), kind="public", scopes=["ingest"])[1]


def to_sentry(
    body: bytes, *, key: str | None = None, to: str = "/api/1/envelope/", query: str = "", **headers: str
) -> Any:
    said = {"x_sentry_auth": f"Sentry sentry_version=7, sentry_key={key}, sentry_client=x"} if key else {}
    return send(to + query, body, key=None, media_type="", **said, **headers)


@pytest.mark.parametrize("lengths", [True, False])
@pytest.mark.parametrize("to", ["/api/1/envelope/", "/api/42/envelope", "/ingest/api/x/envelope/"])
def test_events_of_sentry_are_kept_with_chain_and_frames(dsn_key: str, to: str, lengths: bool):
    header = {"event_id": "a" * 32, "trace": {"public_key": dsn_key}}
    body = envelope(({"type": "event"}, SENTRY_EVENT), lengths=lengths, **header)
    answer = to_sentry(gzip.compress(body), key=dsn_key, to=to, content_encoding="gzip")
    assert (answer.status_code, answer.json()) == (200, {"id": "a" * 32})
    assert stored() == [SENTRY_ENTRY]


def test_what_is_no_event_of_sentry_is_counted_and_let_go(dsn_key: str, admin_client: Client):
    log = {
        "timestamp": 1795773600.5, "level": "trace", "body": "logged", "trace_id": TRACE,
        "attributes": {"sentry.environment": {"value": "qa"}, "n": {"value": 1}, "sentry.sdk.name": {"value": "x"}},
    }  # fmt: skip
    said = {"contexts": {"feedback": {"message": "It is slow", "name": "Ann"}}}
    items: list[tuple[dict[str, Any], Any]] = [
        ({"type": "attachment", "filename": "x"}, b"\n\0{}\n"), ({"type": "log", "item_count": 1}, {"items": [log]}),
        ({"type": "transaction"}, {"spans": []}), ({"type": "session"}, {}), ({"type": "session"}, {}),
        ({"type": "x" * 500}, {}), ({"type": "feedback"}, said), ({"type": "user_report"}, {"comments": "It broke"}),
    ]  # fmt: skip
    answer = to_sentry(envelope(*items), key=dsn_key)
    assert (answer.status_code, answer.json()) == (200, {})
    logged, *reports = stored()
    assert logged == {
        "timestamp": "2026-11-27T10:00:00.500000Z", "level": "debug", "message": "logged", "environment": "qa",
        "trace_id": TRACE, "metadata": {"n": 1, "severity_text": "trace"},
    }  # fmt: skip
    assert [(one["level"], one["message"]) for one in reports] == [("info", "It is slow"), ("info", "It broke")]
    expected = {"attachment": 1, "transaction": 1, "session": 2, "other": 1}
    found = counted("entries")
    assert {name: found[f"let_go.{name}"] for name in expected} == expected
    page = admin_client.get(f"/admin/accounts/apikey/{ApiKey.objects.get().pk}/change/").content.decode()
    assert "2 <code>session</code>" in page
    for body in (envelope(), b"{}"):
        assert to_sentry(body, key=dsn_key).status_code == 200
    assert len(stored()) == 3


def test_sentry_finds_its_key_wherever_sdks_write_it_and_never_keeps_it(dsn_key: str, key: str):
    event = {"type": "event"}, SENTRY_EVENT | {"extra": {"dsn": f"https://{dsn_key}@h/1"}, "message": dsn_key}
    body = envelope(event)
    for answer in (
        to_sentry(body, query=f"?sentry_version=7&sentry_key={dsn_key}&sentry_client=x"),
        to_sentry(envelope(event, dsn=f"https://{dsn_key}@logs.example.com/1")),
        to_sentry(json.dumps(event[1]).encode(), key=dsn_key, to="/api/1/store/"),
        to_sentry(base64.b64encode(zlib.compress(json.dumps(event[1]).encode())), key=dsn_key, to="/api/1/store"),
    ):
        assert (answer.status_code, "Deprecation" in answer) == (200, False), answer.content
    assert len(stored()) == 4
    assert dsn_key not in json.dumps(stored())
    for refused, status in (
        (to_sentry(body), 401), (to_sentry(body, key="ll_" + "0" * 48), 401), (to_sentry(body, key=key), 403),
        (to_sentry(b"nonsense", key=dsn_key), 400), (to_sentry(b"{}\n{bad", key=dsn_key), 400),
        (to_sentry(b"[]", key=dsn_key, to="/api/1/store/"), 400),
    ):  # fmt: skip
        assert (refused.status_code, bool(refused["X-Sentry-Error"])) == (status, True)


def test_pages_are_told_that_they_may_send_to_sentry_and_sdks_for_how_long_to_be_silent():
    plan = make_plan(requests_per_minute=1, burst_requests=1, monthly_bytes=1)
    api_key, key = make_api_key(make_organisation("page", plan=plan), scopes=["ingest"])
    ahead = Client().options("/api/1/envelope/", headers={"Origin": "https://shop.example"})
    assert (ahead.status_code, ahead["Access-Control-Allow-Origin"]) == (200, "*")
    assert "x-sentry-auth" in ahead["Access-Control-Allow-Headers"]
    body = envelope(({"type": "event"}, SENTRY_EVENT))
    full = to_sentry(body, key=key, origin="https://shop.example")
    assert (full.status_code, full["Retry-After"], full["Access-Control-Allow-Origin"]) == (429, "30", "*")
    assert full["X-Sentry-Rate-Limits"] == "30:error;default;log_item:key:quota_exhausted"
    assert "x-sentry-rate-limits" in full["Access-Control-Expose-Headers"]
    organisation = Organisation.objects.get()
    limiter.settle(levels_of(caller_of(api_key), limits_for(organisation.pk), area="ingest"), cost=10_000, paid=-10_000)
    assert to_sentry(body, key=key)["X-Sentry-Rate-Limits"].startswith("5:")


# --- what all have in common ------------------------------------------------------------------------------------------

LINES = '{"msg": "a"}\n'


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def test_key_is_found_in_all_its_forms(key: str):
    encoded = base64.b64encode(f"id:{key}".encode()).decode()
    forms = [f"Bearer {key}", f"bearer {key}", f"Splunk {key}", f"ApiKey {key}", f"ApiKey {encoded}"]
    for value in [*forms, basic("anybody", key), basic(key, "")]:
        assert send("/v1/ndjson", LINES, key=None, authorization=value).status_code == 200, value
    proxied = send("/v1/ndjson", LINES, key=key, authorization=basic("me", "mine"))
    assert proxied.status_code == 200
    for value in (basic("me", "mine"), "Bearer nonsense", f"Token {key}", "Basic !", "Bearer"):
        assert send("/v1/ndjson", LINES, key=None, authorization=value).json()["code"] == "missing_api_key", value
    other = "ll_" + "0" * 48
    assert send("/v1/ndjson", LINES, key=None, authorization=basic(key, other)).json()["code"] == "invalid_api_key"
    assert send("/v1/ndjson", LINES, key=other, authorization=f"Bearer {key}").json()["code"] == "invalid_api_key"
    for value, status in ((f"Bearer {key}", 200), (basic("", key), 401)):
        assert Client().get("/v1/usage", headers={"Authorization": value}).status_code == status


def test_codings_are_undone_by_name_and_by_looks(key: str):
    for packed in (
        gzip.compress(LINES.encode()),
        zlib.compress(LINES.encode()),
        bytes(snappy.compress(LINES.encode())),
    ):
        for coding in ("", "gzip,deflate"):
            given = {"content_encoding": coding} if coding else {}
            assert send("/v1/ndjson", packed, key=key, **given).status_code == 200
    assert send("/v1/ndjson", b"\x1f\x8bnonsense", key=key).json()["code"] == "bad_compression"
    assert len(stored()) == 6


def test_hundred_thousand_entries_pass_at_the_first_try_and_are_owed():
    organisation = make_organisation("indie", plan=Plan.objects.get(slug="indie"))
    _, key = make_api_key(organisation)
    answer = send("/v1/ndjson", LINES * 100_000, key=key)
    assert (answer.status_code, answer.json()["processed"]) == (200, 100_000)
    assert answer["X-RateLimit-Remaining"] == "0"
    assert MonthlyUsage.objects.get().entries == 100_000
    assert send("/v1/ndjson", LINES * 100_001, key=make_api_key(make_organisation("other"))[1]).status_code == 413


def left(organisation: Organisation) -> int:
    """Thousandths of a token that are left of 60; this bucket gets one back in 60 ms."""
    state = valkey.client().get(valkey.key("bucket", f"{{{organisation.pk}}}", "ingest"))
    return 60_000 - (int(state.split()[0]) // 60_000 if state else 0)


def test_agents_pay_by_entries():
    plan = make_plan(requests_per_minute=1, burst_requests=60)
    organisation = make_organisation("slow", plan=plan)
    _, key = make_api_key(organisation)
    spent = []
    for body, status in ((LINES, 200), (LINES * 20, 200), (LINES * 1_000, 200), ("{broken", 400)):
        before = left(organisation)
        assert send("/v1/ndjson", body, key=key).status_code == status
        spent.append(before - left(organisation))
    plan.monthly_bytes = 1
    plan.save()
    before = left(organisation)
    full = send("/v1/ndjson", LINES * 100, key=key)
    assert (full.status_code, full.json()["code"], full["Retry-After"]) == (429, "quota_exhausted", "30")
    spent.append(before - left(organisation))
    spent_less = [0 <= expected - found < 400 for expected, found in zip((20, 20, 1_000, 20, 0), spent, strict=True)]
    assert (all(spent_less), spent[2] > 500) == (True, True), spent


def test_agents_are_told_to_come_again_soon():
    organisation = make_organisation("slow", plan=make_plan(requests_per_minute=1, burst_requests=1))
    api_key, key = make_api_key(organisation)
    limiter.settle(levels_of(caller_of(api_key), limits_for(organisation.pk), area="ingest"), cost=10_000, paid=-10_000)
    for to in (
        "/v1/ndjson", "/loki/api/v1/push", "/_bulk", "/otlp/v1/logs", "/gelf", "/services/collector", "/api/v2/logs",
    ):  # fmt: skip
        refused = send(to, "{}", key=key)
        assert (refused.status_code, refused["Retry-After"]) == (429, "5")
    assert send("/_bulk", "{}", key=key).json()["error"]["type"] == "es_rejected_execution_exception"


def test_usage_tells_by_protocol(key: str):
    for _ in range(2):
        send("/loki/api/v1/push", json.dumps(loki_json("a", "b")), key=key)
    ApiKey.objects.update(minimum_level=40)
    outcomes.flush()
    [line] = Client().get("/v1/usage", headers={"x-api-key": key}).json()["by_api_key"]
    assert line["by_protocol"]["loki"] | {"bytes": 0} == {"requests": 2, "entries": 4, "bytes": 0}
    assert (line["outcomes"], line["refused_requests"], line["cut_entries"]) == ({}, 0, {})


@pytest.mark.parametrize(
    "to",
    [
        "/_bulk", "/app/_bulk", "/loki/api/v1/push", "/otlp/v1/logs", "/elasticsearch", "/ingest/_bulk", "/gelf",
        "/services/collector", "/api/v2/logs",
    ],
)  # fmt: skip
def test_plain_http_is_refused_and_missed_at_agents_addresses(key: str, settings: Any, to: str):
    settings.DEVELOPMENT = False
    refused = send(to, LINES, key=None, authorization=basic("luminalog", key))
    assert (refused.status_code, refused.json()["code"]) == (403, "https_required")
    assert stored() == []
    plain_http.flush()
    assert ApiKey.objects.get().seen_over_plain_http_at is not None
