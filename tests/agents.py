"""Agents that are in no package registry, as they send: all that each asks and sends, what it needs of the answers, and
what its entries are. Written after their sources and captures of them.
"""

import gzip
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import requests
from cramjam import snappy

from tests.agent_bodies import NANOSECONDS, PROTOBUF, SPAN, TRACE, bulk, loki_push, otlp_json, otlp_request

JSON, LINES = "application/json", "application/x-ndjson"
#: What stands for the key, and for it as a password.
KEY, BASIC = "KEY", "BASIC"
BY_KEY, BY_PASSWORD = {"x-api-key": KEY}, {"Authorization": f"Basic {BASIC}"}
MILLISECONDS, MICROSECONDS = "2026-11-27T10:00:00.123Z", "2026-11-27T10:00:00.123456Z"
DEBUG, INFO, WARN, ERROR = 10, 20, 30, 40

Answer = requests.Response


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """A request of an agent; by `suits` it tells whether the answer is what it waits for."""

    path: str
    method: str = "POST"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    suits: Callable[[Answer], bool] = lambda answer: answer.status_code == 200


@dataclass(frozen=True, kw_only=True)
class Stored:
    """An entry as it must be stored; `metadata` is a part of its metadata."""

    message: str
    time: str = MICROSECONDS
    level: int = INFO
    error: Mapping[str, Any] | None = None
    trace_id: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Agent:
    """An agent, or one of its outputs; `section` is where docs/send.md has it."""

    name: str
    section: str
    exchanges: Sequence[Exchange]
    entries: Sequence[Stored]


PLAIN = "is a plain line"
FAILED = "could not pay"
FAILURE = {"type": "ValueError", "message": "bad", "stack_trace": "Traceback\n  at x"}
STORED_FAILURE = {"type": "ValueError", "message": "bad", "stack_trace": ["Traceback", "  at x"]}


def _has(**members: Any) -> Callable[[Answer], bool]:
    """Return what tells whether an answer of Elasticsearch has these members, by dotted names."""

    def suits(answer: Answer) -> bool:
        if (answer.status_code, answer.headers.get("X-Elastic-Product")) != (200, "Elasticsearch"):
            return False
        found = answer.json()
        return all(_at(found, name.replace("__", ".")) == value for name, value in members.items())

    return suits


def _at(found: Any, name: str) -> Any:
    for part in name.split("."):
        found = found[part]
    return found


def _keeps(actions: int) -> Callable[[Answer], bool]:
    """Return what tells whether all actions of a `_bulk` were done, as each agent reads it: see docs of its sources."""

    def suits(answer: Answer) -> bool:
        if answer.status_code != 200 or b'"errors":false,"items":[' not in answer.content[:512_000]:  # fluent-bit
            return False
        said = answer.json()
        assert list(said) == ["took", "errors", "items"]  # Beats read on to the items
        statuses = [next(iter(item.values()))["status"] for item in said["items"]]  # Logstash counts them
        return statuses == [201] * actions and said["errors"] is False

    return suits


def _is_empty_204(answer: Answer) -> bool:
    return (answer.status_code, answer.content) == (204, b"")


def _is_2xx(answer: Answer) -> bool:
    return answer.ok


def _documents(name: str, time: str = MILLISECONDS) -> list[dict[str, Any]]:
    """Return a plain line, and what failed, as documents of the Elastic Common Schema."""
    host = {"name": "web-1"}
    plain = {
        "@timestamp": time, "message": f"{name} {PLAIN}", "host": host, "input": {"type": "filestream"},
        "log": {"offset": 17, "file": {"path": "/var/log/app.log", "inode": "2"}}, "ecs": {"version": "8.0.0"},
    }  # fmt: skip
    failed = {
        "@timestamp": time, "message": f"{name} {FAILED}", "host": host, "error": dict(FAILURE),
        "log": {"level": "error", "logger": "shop"}, "service": {"name": "shop", "environment": "qa"},
        "trace": {"id": TRACE}, "span": {"id": SPAN},
    }  # fmt: skip
    return [plain, failed]


def _stored(name: str, time: str = "2026-11-27T10:00:00.123Z", **metadata: Any) -> list[Stored]:
    """Return what these two become."""
    return [
        Stored(message=f"{name} {PLAIN}", time=time, metadata=metadata),
        Stored(
            message=f"{name} {FAILED}", time=time, level=ERROR, error=STORED_FAILURE, trace_id=TRACE, metadata=metadata
        ),
    ]


def _lines(name: str, **time: Any) -> list[dict[str, Any]]:
    """Return a plain line, and what failed, as programs write it in JSON."""
    plain = {**time, "message": f"{name} {PLAIN}", "host": "web-1"}
    failed = {**time, "message": f"{name} {FAILED}", "level": "error", "err": dict(FAILURE), "trace_id": TRACE}
    return [plain, failed]


def _ndjson(rows: Sequence[Mapping[str, Any]]) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def _bulk(action: Mapping[str, Any], documents: Sequence[dict[str, Any]]) -> bytes:
    return bulk(*((dict(action), document) for document in documents)).encode()


def _filebeat() -> Agent:
    said = {
        "User-Agent": "Elastic-filebeat/8.17.0 (linux; amd64; 092fa52; 2024-12-11 00:00:00 +0000 UTC)",
        "Accept": JSON, "X-Elastic-Product-Origin": "beats", **BY_PASSWORD,
    }  # fmt: skip
    sends = {"Content-Type": "application/json; charset=UTF-8", "Content-Encoding": "gzip"}
    body = _bulk({"create": {"_index": "filebeat-8.17.0"}}, _documents("filebeat"))
    at = "/elasticsearch"
    return Agent(
        name="filebeat",
        section="Filebeat",
        exchanges=[
            Exchange(method="GET", path=f"{at}/", headers=said, suits=_has(version__number="8.17.0")),
            Exchange(
                method="GET", path=f"{at}/_license?human=false", headers=said, suits=_has(license__status="active")
            ),
            Exchange(method="GET", path=f"{at}/_ilm/policy/filebeat", headers=said, suits=_has(filebeat__version=1)),
            Exchange(method="HEAD", path=f"{at}/_index_template/filebeat-8.17.0", headers=said),
            Exchange(
                method="PUT", path=f"{at}/_ingest/pipeline/filebeat-nginx", headers={**said, "Content-Type": JSON},
                body=b'{"processors": []}', suits=_has(acknowledged=True),
            ),
            Exchange(
                path=f"{at}/_bulk?filter_path=errors%2Citems.%2A.error%2Citems.%2A.status", headers={**said, **sends},
                body=gzip.compress(body), suits=_keeps(2),
            ),
        ],
        entries=_stored("filebeat", host={"name": "web-1"}, _index="filebeat-8.17.0"),
    )  # fmt: skip


def _logstash() -> Agent:
    said = {
        "User-Agent": "Logstash/8.17.0 (OS=Linux-6.1.0-amd64-amd64; JVM=Eclipse Adoptium-21.0.5)"
        " logstash-output-elasticsearch/11.22.9",
        "x-elastic-product-origin": "logstash-output-elasticsearch", "Content-Type": JSON, **BY_PASSWORD,
    }  # fmt: skip
    documents = [document | {"@version": "1"} for document in _documents("logstash", MICROSECONDS)]
    documents[0]["event"] = {"original": f"logstash {PLAIN}"}
    body = _bulk({"create": {"_id": None, "_index": "logs-generic-default", "routing": None}}, documents)
    at = "/elasticsearch"
    return Agent(
        name="logstash",
        section="Logstash",
        exchanges=[
            Exchange(method="HEAD", path=f"{at}/", headers=said),
            Exchange(method="GET", path=f"{at}/", headers=said, suits=_has(version__number="8.17.0")),
            Exchange(method="GET", path=f"{at}/_license", headers=said, suits=_has(license__status="active")),
            Exchange(
                path=f"{at}/_bulk?filter_path=errors,items.*.error,items.*.status", suits=_keeps(2),
                headers={**said, "Content-Encoding": "gzip"}, body=gzip.compress(body),
            ),
        ],
        entries=_stored("logstash", MICROSECONDS, host={"name": "web-1"}),
    )  # fmt: skip


FLUENT_BIT = {"User-Agent": "Fluent-Bit"}
VECTOR = {"User-Agent": "Vector/0.43.0 (x86_64-unknown-linux-gnu 6bc7d04 2024-11-27 14:26:14.518393128)"}


def _fluent_bit() -> list[Agent]:
    lines = _lines("fluent-bit", date=1795773600.123456)
    lines[0]["log"] = lines[0].pop("message")
    documents = _documents("fluent-bit-es")
    kvlist = otlp_request(1, text=b"x")
    del kvlist.resource_logs[0].resource.attributes[:]
    [record] = kvlist.resource_logs[0].scope_logs[0].log_records
    record.severity_number, record.severity_text, record.trace_id, record.span_id = 0, "", b"", b""
    del record.attributes[:]
    for name, value in (("log", f"fluent-bit-otlp {PLAIN}"), ("level", "warn")):
        record.body.kvlist_value.values.add(key=name).value.string_value = value
    pushed = [json.dumps(row) for row in _lines("fluent-bit-loki")]
    streams = [{"stream": {"job": "fluent-bit"}, "values": [[str(NANOSECONDS), row] for row in pushed]}]
    here = {"section": "fluent-bit"}
    return [
        Agent(
            name="fluent-bit", **here, entries=_stored("fluent-bit", MICROSECONDS),
            exchanges=[Exchange(
                path="/v1/ndjson", headers={**FLUENT_BIT, **BY_KEY, "Content-Type": LINES, "Content-Encoding": "gzip"},
                body=gzip.compress(_ndjson(lines)), suits=_is_2xx,
            )],
        ),
        Agent(
            name="fluent-bit-es", **here, entries=_stored("fluent-bit-es", host={"name": "web-1"}, _index="fluent-bit"),
            exchanges=[Exchange(
                path="/elasticsearch/_bulk", headers={**FLUENT_BIT, **BY_PASSWORD, "Content-Type": LINES},
                body=_bulk({"create": {"_index": "fluent-bit"}}, documents), suits=_keeps(2),
            )],
        ),
        Agent(
            name="fluent-bit-loki", **here,
            entries=_stored("fluent-bit-loki", MICROSECONDS, labels={"job": "fluent-bit"}),
            exchanges=[Exchange(
                path="/loki/api/v1/push", headers={**FLUENT_BIT, **BY_PASSWORD, "Content-Type": JSON},
                body=json.dumps({"streams": streams}).encode(), suits=_is_2xx,
            )],
        ),
        Agent(
            name="fluent-bit-otlp", **here, entries=[Stored(message=f"fluent-bit-otlp {PLAIN}", level=WARN)],
            exchanges=[Exchange(
                path="/v1/logs", headers={**FLUENT_BIT, **BY_KEY, "Content-Type": PROTOBUF},
                body=kvlist.SerializeToString(), suits=_is_2xx,
            )],
        ),
    ]  # fmt: skip


def _vector() -> list[Agent]:
    here: dict[str, Any] = {"section": "Vector"}
    time = "2026-11-27T10:00:00.123456789Z"
    pushed = [json.dumps(row).encode() for row in _lines("vector-loki")]
    push = loki_push(*pushed, labels=b'{agent="vector", host="web-1"}', traces=False)
    documents = _documents("vector-es", time)
    request = otlp_json()
    [record] = request["resourceLogs"][0]["scopeLogs"][0]["logRecords"]
    record["body"]["stringValue"] = f"vector-otlp {FAILED}"
    return [
        Agent(
            name="vector", **here, entries=_stored("vector", MICROSECONDS),
            exchanges=[Exchange(
                path="/v1/ndjson", headers={**VECTOR, **BY_KEY, "Content-Type": LINES, "Content-Encoding": "gzip"},
                body=gzip.compress(_ndjson(_lines("vector", timestamp=time))), suits=_is_2xx,
            )],
        ),
        Agent(
            name="vector-loki", **here,
            entries=_stored("vector-loki", MICROSECONDS, labels={"agent": "vector", "host": "web-1"}),
            exchanges=[
                Exchange(method="GET", path="/ready", headers=VECTOR),
                Exchange(
                    path="/loki/api/v1/push", headers={**VECTOR, **BY_PASSWORD, "Content-Type": PROTOBUF},
                    body=bytes(snappy.compress_raw(push)), suits=_is_empty_204,
                ),
            ],
        ),
        Agent(
            name="vector-es", **here, entries=_stored("vector-es", MICROSECONDS, _index="vector-2026.11.27"),
            exchanges=[
                Exchange(
                    method="GET", path="/elasticsearch/_cluster/health", headers={**VECTOR, **BY_PASSWORD},
                    suits=_has(status="green"),
                ),
                Exchange(
                    method="GET", path="/elasticsearch/", headers={**VECTOR, **BY_PASSWORD},
                    suits=_has(version__number="8.17.0"),
                ),
                Exchange(
                    path="/elasticsearch/_bulk?timeout=60s",
                    headers={**VECTOR, **BY_PASSWORD, "Content-Type": LINES, "Accept-Encoding": "zstd,gzip,deflate,br"},
                    body=_bulk({"create": {"_index": "vector-2026.11.27"}}, documents), suits=_keeps(2),
                ),
            ],
        ),
        Agent(
            name="vector-otlp", **here,
            entries=[Stored(
                message=f"vector-otlp {FAILED}", level=WARN, trace_id=TRACE, metadata={"http.status": -5},
                error={"type": "ValueError", "stack_trace": ["Traceback", "  at x"]},
            )],
            exchanges=[Exchange(
                path="/v1/logs", headers={**VECTOR, **BY_KEY, "Content-Type": JSON}, suits=_is_2xx,
                body=json.dumps([request]).encode(),
            )],
        ),
    ]  # fmt: skip


def _alloy(name: str, user_agent: str) -> Agent:
    labels = {"filename": "/var/log/app.log", "job": "shop", "level": "warn"}
    selector = ", ".join(f'{label}="{value}"' for label, value in labels.items())
    push = loki_push(f"{name} {PLAIN}".encode(), b'{"msg": "%b", "err": %b}' % (
        f"{name} {FAILED}".encode(), json.dumps(FAILURE).encode(),
    ), labels=f"{{{selector}}}".encode())  # fmt: skip
    said = {"User-Agent": user_agent, "Content-Type": PROTOBUF, "X-Scope-OrgID": "shop", **BY_PASSWORD}
    metadata = {"labels": labels, "tenant": "shop"}
    return Agent(
        name=name,
        section="Alloy and promtail",
        exchanges=[
            Exchange(
                path="/loki/api/v1/push", headers=said, body=bytes(snappy.compress_raw(push)), suits=_is_empty_204
            )
        ],
        entries=[
            Stored(message=f"{name} {PLAIN}", level=WARN, trace_id=TRACE, metadata=metadata),
            Stored(
                message=f"{name} {FAILED}", level=WARN, trace_id=TRACE, metadata=metadata, error=STORED_FAILURE
            ),
        ],
    )  # fmt: skip


def _collector() -> Agent:
    said = {
        "User-Agent": "OpenTelemetry Collector Contrib/0.115.0 (linux/amd64)", "Content-Type": PROTOBUF,
        "Content-Encoding": "gzip", **BY_KEY,
    }  # fmt: skip
    body = otlp_request(1, text=f"collector {FAILED}".encode()).SerializeToString()

    def suits(answer: Answer) -> bool:
        """Of another content type it says that the answer was malformed; of a body, that some were rejected."""
        return (answer.status_code, answer.headers["Content-Type"], answer.content) == (200, PROTOBUF, b"")

    return Agent(
        name="collector",
        section="OpenTelemetry Collector",
        exchanges=[Exchange(path="/v1/logs", headers=said, body=gzip.compress(body), suits=suits)],
        entries=[
            Stored(
                message=f"collector {FAILED}",
                level=WARN,
                trace_id=TRACE,
                error={"type": "ValueError", "stack_trace": ["Traceback", "  at x"]},
                metadata={"scope": {"name": "app"}, "http.status": -5},
            )
        ],
    )


def _says(status: int, body: bytes) -> Callable[[Answer], bool]:
    return lambda answer: (answer.status_code, answer.content) == (status, body)


def _docker() -> Agent:
    """Write as its driver does: times as text, events in a row; first it asks, without a key, whether we live."""
    lines = [
        {"event": {"line": f"docker {PLAIN}", "source": "stdout", "tag": "web"}, "time": "1795773600.123456"},
        {
            "event": {"line": _lines("docker")[1], "source": "stderr", "tag": "web"}, "time": "1795773600.123456",
            "host": "h",
        },
    ]  # fmt: skip
    said = {"User-Agent": "Go-http-client/1.1", "Authorization": f"Splunk {KEY}"}
    return Agent(
        name="docker",
        section="Docker",
        exchanges=[
            Exchange(method="OPTIONS", path="/services/collector/event/1.0"),
            Exchange(
                path="/services/collector/event/1.0", headers={**said, "Content-Encoding": "gzip"},
                body=gzip.compress("".join(map(json.dumps, lines)).encode()), suits=lambda one: one.status_code == 200,
            ),
        ],
        entries=_stored("docker", MICROSECONDS, tag="web"),
    )  # fmt: skip


def _datadog() -> Agent:
    said = {"DD-API-KEY": KEY, "User-Agent": "datadog-agent/7.60.0"}
    logs = [
        {
            "message": json.dumps(row), "status": "info", "timestamp": 1795773600123, "hostname": "web-1",
            "service": "shop", "ddsource": "python", "ddtags": "env:qa,filename:app.log",
        }
        for row in _lines("datadog")
    ]  # fmt: skip
    return Agent(
        name="datadog",
        section="Datadog's agent",
        exchanges=[
            Exchange(method="GET", path="/api/v1/validate", headers=said, suits=_says(200, b'{"valid":true}')),
            Exchange(path="/api/v2/logs", headers={**said, "Content-Type": JSON}, body=b"{}", suits=_says(202, b"{}")),
            Exchange(
                path="/api/v2/logs", headers={**said, "Content-Type": JSON, "Content-Encoding": "gzip"},
                body=gzip.compress(json.dumps(logs).encode()), suits=_says(202, b"{}"),
            ),
        ],
        entries=_stored("datadog", service="shop", tags={"env": "qa", "filename": "app.log"}),
    )  # fmt: skip


AGENTS = [
    _docker(),
    _datadog(),
    _filebeat(),
    _logstash(),
    *_fluent_bit(),
    *_vector(),
    _alloy("alloy", "Alloy/v1.5.1 (linux; docker)"),
    _alloy("promtail", "promtail/2.9.10"),
    _collector(),
]
