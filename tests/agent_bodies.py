"""Bodies as agents send them, and the entries that they become."""

import base64
import json
from typing import Any

from opentelemetry.proto.collector.logs.v1 import logs_service_pb2 as otlp_service

from ingest.protocols.loki import wire as loki

NANOSECONDS = 1795773600_123_456_789
TIME = "2026-11-27T10:00:00.123456Z"
TRACE, SPAN = "5b8efff798038103d269b633813fc60c", "eee19b7ec3c1b174"
PROTOBUF = "application/x-protobuf"


def otlp_request(records: int = 1, *, text: bytes = b"hello") -> Any:
    request = otlp_service.ExportLogsServiceRequest()
    resource_logs = request.resource_logs.add()
    for name, value in (("service.name", "shop"), ("deployment.environment.name", "qa"), ("telemetry.sdk.name", "x")):
        resource_logs.resource.attributes.add(key=name).value.string_value = value
    scope_logs = resource_logs.scope_logs.add()
    scope_logs.scope.name = "app"
    for _ in range(records):
        record = scope_logs.log_records.add(
            time_unix_nano=NANOSECONDS,
            severity_number=13,
            severity_text="WARN",
            trace_id=bytes.fromhex(TRACE),
            span_id=bytes.fromhex(SPAN),
        )
        record.body.string_value = text.decode()
        record.attributes.add(key="http.status").value.int_value = -5
        record.attributes.add(key="exception.type").value.string_value = "ValueError"
        record.attributes.add(key="exception.stacktrace").value.string_value = "Traceback\n  at x"
        nested = record.attributes.add(key="nested").value.kvlist_value
        nested.values.add(key="list").value.array_value.values.add().bool_value = True
        nested.values.add(key="bytes").value.bytes_value = b"\xff"
        nested.values.add(key="double").value.double_value = 0.5
    return request


OTLP_ENTRY = {
    "timestamp": TIME,
    "level": "warn",
    "message": "hello",
    "environment": "qa",
    "trace_id": TRACE,
    "span_id": SPAN,
    "metadata": {
        "resource": {"service.name": "shop", "deployment.environment.name": "qa"},
        "scope": {"name": "app"},
        "http.status": -5,
        "nested": {"list": [True], "bytes": "/w==", "double": 0.5},
    },
    "error": {"type": "ValueError", "stack_trace": ["Traceback", "  at x"]},
}


def otlp_json(*, snake: bool = False) -> dict[str, Any]:
    def name(text: str) -> str:
        return "".join("_" + one.lower() if one.isupper() else one for one in text) if snake else text

    def text(key: str, value: str) -> dict[str, Any]:
        return {"key": key, "value": {name("stringValue"): value}}

    nested = [
        {"key": "list", "value": {name("arrayValue"): {"values": [{name("boolValue"): True}]}}},
        {"key": "bytes", "value": {name("bytesValue"): "/w=="}},
        {"key": "double", "value": {name("doubleValue"): 0.5}},
    ]
    record = {
        name("timeUnixNano"): str(NANOSECONDS),
        name("severityNumber"): 13,
        name("severityText"): "WARN",
        name("traceId"): base64.b64encode(bytes.fromhex(TRACE)).decode() if snake else TRACE.upper(),
        name("spanId"): base64.b64encode(bytes.fromhex(SPAN)).decode() if snake else SPAN,
        "body": {name("stringValue"): "hello"},
        "unknown": [1],
        "attributes": [
            {"key": "http.status", "value": {name("intValue"): "-5" if snake else -5}},
            text("exception.type", "ValueError"),
            text("exception.stacktrace", "Traceback\n  at x"),
            {"key": "nested", "value": {name("kvlistValue"): {"values": nested}}},
        ],
    }
    resource = {"attributes": [text("service.name", "shop"), text("deployment.environment.name", "qa")]}
    scope_logs = [{"scope": {"name": "app"}, name("logRecords"): [record]}]
    return {name("resourceLogs"): [{"resource": resource, name("scopeLogs"): scope_logs}]}


def loki_push(*lines: bytes, labels: bytes = b'{app="shop", level="warn", env="qa"}', traces: bool = True) -> bytes:
    stream = loki._Stream(labels=labels)
    for line in lines:
        entry = stream.entries.add(line=line)
        entry.timestamp.seconds, entry.timestamp.nanos = divmod(NANOSECONDS, 10**9)
        if traces:
            entry.metadata.add(name=b"trace_id", value=TRACE.encode())
    content: bytes = stream.SerializeToString()
    return b"\x0a" + _varint(len(content)) + content


def _varint(number: int) -> bytes:
    return bytes([number & 0x7F | 0x80]) + _varint(number >> 7) if number > 0x7F else bytes([number])


def loki_json(*lines: str, traces: bool = True) -> dict[str, Any]:
    values = [[str(NANOSECONDS), line, *([{"trace_id": TRACE}] if traces else [])] for line in lines]
    return {"streams": [{"stream": {"app": "shop", "level": "warn", "env": "qa"}, "values": values}]}


def loki_entry(message: str = "hello", **metadata: Any) -> dict[str, Any]:
    return {
        "timestamp": TIME,
        "level": "warn",
        "message": message,
        "environment": "qa",
        "trace_id": TRACE,
        "metadata": {"labels": {"app": "shop", "level": "warn", "env": "qa"}, "trace_id": TRACE, **metadata},
    }


def bulk(*pairs: tuple[dict[str, Any], dict[str, Any] | None]) -> str:
    return "".join(json.dumps(one) + "\n" for pair in pairs for one in pair if one is not None)


HEC_EVENTS = [
    {"time": "1795773600.123456", "host": "web-1", "event": "hello", "fields": {"level": "warn", "trace_id": TRACE}},
    {"time": 1795773600.123456, "event": {"line": "hello", "source": "stdout"}, "sourcetype": "docker"},
]
HEC_ENTRIES: list[dict[str, Any]] = [
    {"timestamp": TIME, "level": "warn", "message": "hello", "trace_id": TRACE, "metadata": {"host": "web-1"}},
    {
        "timestamp": TIME, "level": "info", "message": "hello",
        "metadata": {"sourcetype": "docker", "source": "stdout"},
    },
]  # fmt: skip
SENTRY_FRAMES = [
    {"function": "main", "filename": "app.py", "abs_path": "/srv/shop/app.py", "lineno": 3, "in_app": True},
    {
        "function": "pay", "abs_path": "/srv/shop/pay.py", "lineno": 7, "context_line": "  return 1 / order",
        "vars": {"order": "0"}, "pre_context": ["def pay(order):"], "in_app": True,
    },
    {"function": "call", "abs_path": "/usr/lib/x.py", "lineno": 9, "in_app": False},
]  # fmt: skip
SENTRY_EVENT: dict[str, Any] = {
    "event_id": "a" * 32, "timestamp": TIME, "level": "error", "platform": "python", "environment": "qa",
    "exception": {"values": [
        {"type": "ZeroDivisionError", "value": "division by zero", "stacktrace": {"frames": SENTRY_FRAMES[:2]}},
        {
            "type": "ValueError", "value": "could not pay", "mechanism": {"type": "excepthook", "handled": False},
            "stacktrace": {"frames": SENTRY_FRAMES},
        },
    ]},
    "contexts": {"trace": {"trace_id": TRACE, "span_id": SPAN, "parent_span_id": None}, "runtime": {"name": "CPython"}},
    "request": {"url": "https://shop/?a=1", "headers": {"Cookie": "x", "Host": "shop"}, "cookies": {"a": "b"}},
    "tags": [["team", "x"]], "release": "shop@1", "modules": {"django": "5.2"}, "sdk": {"name": "sentry.python"},
    "breadcrumbs": {"values": [{"message": str(number)} for number in range(40)]},
}  # fmt: skip
SENTRY_ENTRY = {
    "timestamp": TIME, "level": "error", "message": "ValueError: could not pay", "environment": "qa", "trace_id": TRACE,
    "span_id": SPAN,
    "metadata": {
        "event_id": "a" * 32, "release": "shop@1", "platform": "python", "tags": {"team": "x"},
        "request": {"url": "https://shop/?a=1", "headers": {"Host": "shop"}},
        "contexts": {"runtime": {"name": "CPython"}},
        "breadcrumbs": [{"message": str(number)} for number in range(10, 40)], "sdk": "sentry.python",
    },
    "error": {
        "type": "ValueError", "message": "could not pay",
        "stack_trace": [
            '  File "/srv/shop/app.py", line 3, in main', '  File "/srv/shop/pay.py", line 7, in pay',
            "    return 1 / order", '  File "/usr/lib/x.py", line 9, in call [external]',
        ],
        "context": {"mechanism": "excepthook", "handled": False, "chain": [{
            "type": "ZeroDivisionError", "message": "division by zero",
            "stack_trace": [
                '  File "/srv/shop/app.py", line 3, in main', '  File "/srv/shop/pay.py", line 7, in pay',
                "    return 1 / order",
            ],
        }]},
    },
}  # fmt: skip


def envelope(*items: tuple[dict[str, Any], Any], lengths: bool = True, **header: Any) -> bytes:
    """Return an envelope of Sentry's; without `lengths` as its SDK for Node writes it."""
    lines = [json.dumps(header).encode()]
    for about, payload in items:
        body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        lines += [json.dumps(about | ({"length": len(body)} if lengths else {})).encode(), body]
    return b"\n".join(lines) + b"\n"


DATADOG_LOG = {
    "message": "hello", "status": "warn", "timestamp": 1795773600123, "hostname": "web-1", "ddtags": "env:qa,k:v,k:w",
    "dd": {"trace_id": "12"},
}  # fmt: skip
DATADOG_ENTRY = {
    "timestamp": "2026-11-27T10:00:00.123000Z", "level": "warn", "message": "hello", "environment": "qa",
    "trace_id": "12", "metadata": {"hostname": "web-1", "tags": {"env": "qa", "k": ["v", "w"]}},
}  # fmt: skip
GELF_MESSAGE = {
    "version": "1.1", "host": "web-1", "short_message": "hello", "timestamp": 1795773600.123456, "level": 3,
    "full_message": "Traceback (most recent call last):\n  File \"x\", line 1, in f\nValueError: bad",
    "_id": "7", "_order": 1, "_level": "own",
}  # fmt: skip
GELF_ENTRY = {
    "timestamp": TIME, "level": "error", "message": "hello",
    "metadata": {"host": "web-1", "order": 1, "_level": "own"},
    "error": {
        "type": "ValueError", "message": "bad",
        "stack_trace": ["Traceback (most recent call last):", '  File "x", line 1, in f', "ValueError: bad"],
    },
}  # fmt: skip

DOCUMENT = {
    "@timestamp": "2026-11-27T11:00:00.123456+01:00", "message": "hello", "log": {"level": "WARN", "logger": "x"},
    "service": {"environment": "qa", "name": "shop"}, "error": {"type": "E", "stack_trace": "a\nb"},
    "trace.id": TRACE,
}  # fmt: skip
DOCUMENT_ENTRY = {
    "timestamp": TIME, "level": "warn", "message": "hello", "environment": "qa", "trace_id": TRACE,
    "metadata": {"log": {"logger": "x"}, "service": {"name": "shop"}, "_index": "app"},
    "error": {"type": "E", "stack_trace": ["a", "b"]},
}  # fmt: skip
