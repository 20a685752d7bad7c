"""What an entry costs by each protocol, CPU from the bytes to what the database is given, as a ratio to our own JSON.

`python -m tests.benchmarks.protocols [--write]`, the first part of `make bench`: 1,000 entries a request, all in turn.
"""

import gc
import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

os.environ.setdefault("SECRET_KEY", "of the benchmark of protocols, and of nothing else " * 2)
os.environ.setdefault("DATABASE_URL", "postgresql://localhost/none")
os.environ.setdefault("VALKEY_URL", "redis://localhost")
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "luminalog.settings")

import django

django.setup()

from cramjam import snappy
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2 as otlp_service

from ingest.canonical import encode_entries
from ingest.protocol import Head, Protocol, Wishes
from ingest.protocols.datadog import DATADOG
from ingest.protocols.elasticsearch import ELASTICSEARCH
from ingest.protocols.gelf import GELF
from ingest.protocols.loki import LOKI
from ingest.protocols.luminalog import LUMINALOG
from ingest.protocols.ndjson import NDJSON
from ingest.protocols.otlp import OTLP
from ingest.protocols.sentry import SENTRY
from ingest.protocols.splunk import SPLUNK
from ingest.protocols.syslog import SYSLOG, Heard, body_of
from ingest.spool.payload import pack
from privacy.rules import Rules
from privacy.scrubbing import Scrubber
from tests.agent_bodies import NANOSECONDS, PROTOBUF, SENTRY_EVENT, envelope, loki_json, loki_push
from tests.benchmarks import paper

ENTRIES, ROUNDS = 1_000, 40
SCRUBBER = Scrubber(Rules(hash_key=bytes(32)))
TIME = "2026-11-27T10:00:00.123456Z"


@dataclass(frozen=True, kw_only=True)
class Case:
    """A protocol with a body of 1,000 entries, and what it may cost at most beside our own."""

    name: str
    protocol: Protocol
    body: bytes
    at_most: float | None = None
    media_type: str = "application/json"
    inflate: Callable[[bytes], bytes] = bytes
    #: Of which each request has so many.
    entries: int = ENTRIES


def message(number: int) -> str:
    return f"Order {number} of customer {number % 97} has been paid, and is on its way to the shelf {number % 13}"


def own() -> bytes:
    fields = [{"order": number, "customer": f"c{number % 97}", "took_ms": number % 500} for number in range(ENTRIES)]
    logs = [
        {"timestamp": TIME, "level": "info", "message": message(number), "metadata": one}
        for number, one in enumerate(fields)
    ]
    return json.dumps({"logs": logs}).encode()


def lines(*, is_own: bool) -> bytes:
    logs = json.loads(own())["logs"]
    if not is_own:
        logs = [{"time": TIME, "level": 30, "msg": one["message"], **one["metadata"]} for one in logs]
    return "\n".join(map(json.dumps, logs)).encode()


def events() -> bytes:
    """Return events as splunk-handler sends them, with nothing between them."""
    logs = json.loads(own())["logs"]
    return "".join(
        json.dumps({"event": one["message"], "time": "1795773600.123", "host": "web-1", "fields": one["metadata"]})
        for one in logs
    ).encode()


def gelf_messages() -> bytes:
    return "\0".join(
        json.dumps(
            {
                "version": "1.1",
                "host": "web-1",
                "short_message": one["message"],
                "timestamp": 1795773600.123,
                "level": 6,
            }
            | {f"_{name}": value for name, value in one["metadata"].items()}
        )
        for one in json.loads(own())["logs"]
    ).encode()


def datadog_logs() -> bytes:
    logs = [
        {"message": one["message"], "status": "info", "timestamp": 1795773600123, "ddtags": "env:qa", **one["metadata"]}
        for one in json.loads(own())["logs"]
    ]
    return json.dumps(logs).encode()


def syslog_messages(head: str) -> bytes:
    return body_of([Heard("10.0.0.1", f"<14>{head}{message(number)}".encode()) for number in range(ENTRIES)])


def error() -> bytes:
    """Return one error as Sentry's SDK for Python sends it, of 12 kB: ten frames, with what stands around each line."""
    around = [f"    customer.pay(order_{number}, at=now, by='card')  # of this order" for number in range(5)]
    frames = [
        {
            "filename": f"shop/views_{number}.py", "abs_path": f"/srv/shop/shop/views_{number}.py",
            "function": f"pay_{number}", "module": f"shop.views_{number}", "lineno": number + 1, "in_app": number > 5,
            "pre_context": around, "context_line": around[0], "post_context": around,
            "vars": {"order": "<Order: 7>", "customer": "<Customer: 9>"},
        }
        for number in range(10)
    ]  # fmt: skip
    [*_, last] = SENTRY_EVENT["exception"]["values"]
    modules = {f"package-{number}": "1.2.3" for number in range(40)}
    chain = {"values": [last | {"stacktrace": {"frames": frames}}]}
    return envelope(({"type": "event"}, SENTRY_EVENT | {"exception": chain, "modules": modules}), event_id="a" * 32)


def documents() -> bytes:
    pairs = [
        (
            '{"create": {"_index": "app"}}',
            json.dumps({"@timestamp": TIME, "log.level": "info", "message": one["message"], **one["metadata"]}),
        )
        for one in json.loads(own())["logs"]
    ]
    return "\n".join(line for pair in pairs for line in pair).encode() + b"\n"


def records(attributes: int, of_resource: int) -> bytes:
    """Return a request of such entries; of the first attributes one is another in each record, as is usual."""
    request = otlp_service.ExportLogsServiceRequest()
    resource_logs = request.resource_logs.add()
    for name in ("service.name", "host.name", "os.type", "service.version", "cloud.region")[:of_resource]:
        resource_logs.resource.attributes.add(key=name).value.string_value = "shop"
    scope_logs = resource_logs.scope_logs.add()
    for number in range(ENTRIES):
        record = scope_logs.log_records.add(
            time_unix_nano=NANOSECONDS + number, severity_number=9, severity_text="INFO"
        )
        record.body.string_value = message(number)
        record.attributes.add(key="order").value.int_value = number
        record.attributes.add(key="customer").value.string_value = f"c{number % 97}"
        record.attributes.add(key="http.status").value.int_value = (200, 201, 404)[number % 3]
        for place in range(attributes - 3):
            record.attributes.add(key=f"further.{place}").value.string_value = f"value {number % 50}"
    return bytes(request.SerializeToString())


def unsnapped(body: bytes) -> bytes:
    return bytes(snappy.decompress_raw(body))


def cases() -> list[Case]:
    texts = [message(number) for number in range(ENTRIES)]
    push = bytes(snappy.compress_raw(loki_push(*map(str.encode, texts), traces=False)))
    return [
        Case(name="`/v1/logs`, our own JSON", protocol=LUMINALOG, body=own()),
        Case(name="lines of our own form", protocol=NDJSON, body=lines(is_own=True), at_most=1.5),
        Case(name="lines as pino writes them", protocol=NDJSON, body=lines(is_own=False)),
        Case(
            name="Loki, snappy-protobuf", protocol=LOKI, body=push, at_most=2.5, media_type=PROTOBUF, inflate=unsnapped
        ),
        Case(name="Loki, JSON", protocol=LOKI, body=json.dumps(loki_json(*texts, traces=False)).encode(), at_most=2.5),
        Case(name="Elasticsearch `_bulk`", protocol=ELASTICSEARCH, body=documents(), at_most=3),
        Case(name="Splunk HEC", protocol=SPLUNK, body=events(), at_most=3),
        Case(name="Datadog", protocol=DATADOG, body=datadog_logs()),
        Case(name="GELF", protocol=GELF, body=gelf_messages(), at_most=3),
        Case(
            name="syslog, RFC 3164", protocol=SYSLOG, body=syslog_messages("Nov 27 10:00:00 web-1 shop[7]: "), at_most=2
        ),
        Case(
            name="syslog, RFC 5424 with structured data",
            protocol=SYSLOG,
            body=syslog_messages(f'1 {TIME} web-1 shop 7 - [shop@32473 order="1" customer="c2"] '),
        ),
        Case(name="Sentry, an error of 12 kB", protocol=SENTRY, body=error(), entries=1),
        Case(
            name="OTLP, protobuf, 3 + 3 attributes", protocol=OTLP, body=records(3, 3), at_most=3, media_type=PROTOBUF
        ),
        Case(name="OTLP, protobuf, 8 + 5 attributes", protocol=OTLP, body=records(8, 5), media_type=PROTOBUF),
    ]


def seconds_of(case: Case) -> float:
    """Take the body as a request of it is taken, but for the network and the database; return the CPU seconds."""
    wishes = Wishes(head=Head(media_type=case.media_type))
    began = time.process_time()
    for _ in range(ENTRIES // case.entries):
        incoming = case.protocol.read(case.inflate(case.body), wishes)
        for part in encode_entries(incoming.entries, SCRUBBER):
            pack(part.payload)
        assert len(incoming.entries) == case.entries
    return time.process_time() - began


def measure(rounds: int = ROUNDS) -> list[tuple[Case, float, float]]:
    """Return for each case the microseconds an entry, and the ratio to our own JSON in the same rounds."""
    found = cases()
    gc.collect()
    gc.freeze()  # as a web process does: see luminalog.wsgi
    for case in found:
        seconds_of(case)
    taken = [[seconds_of(case) for case in found] for _ in range(rounds)]
    ratios = [median(row[index] / row[0] for row in taken) for index in range(len(found))]
    costs = [median(row[index] for row in taken) / ENTRIES * 1e6 for index in range(len(found))]
    return list(zip(found, costs, ratios, strict=True))


def markdown(found: list[tuple[Case, float, float]]) -> str:
    rows = [
        f"| {case.name} | {cost:.1f} | {ratio:.2f} | {f'≤ {case.at_most:g}' if case.at_most else ''} |"
        for case, cost, ratio in found
    ]
    return "\n".join(["| 1,000 entries a request | CPU µs an entry | ratio | goal |", "|---|---|---|---|", *rows])


def main() -> None:
    """Measure, print, and say where a goal is missed."""
    found = measure()
    print(markdown(found))
    if "--write" in sys.argv:
        paper.write("protocols", markdown(found) + "\n")
    missed = [case.name for case, _, ratio in found if case.at_most and ratio > case.at_most]
    if missed:
        print(f"Dearer than they may be: {', '.join(missed)}")


if __name__ == "__main__":
    main()
