"""Mutated bodies of every protocol of agents: whatever comes out fits our limits, and what is raised is a refusal."""

import json
import os
from random import Random
from typing import Any

import pytest
from msgspec.json import Decoder

from foundation.refusals import Refusal
from ingest.canonical import excesses
from ingest.protocol import Head, Kept, Protocol, Wishes
from ingest.protocols.datadog import DATADOG
from ingest.protocols.elasticsearch import ELASTICSEARCH
from ingest.protocols.gelf import GELF
from ingest.protocols.loki import LOKI
from ingest.protocols.ndjson import NDJSON
from ingest.protocols.otlp import OTLP
from ingest.protocols.sentry import SENTRY, SENTRY_STORE
from ingest.protocols.splunk import SPLUNK, SPLUNK_RAW
from ingest.repair import replace_unstorable
from storage.entry import Entry
from tests.agent_bodies import (
    DATADOG_LOG,
    DOCUMENT,
    GELF_MESSAGE,
    HEC_EVENTS,
    PROTOBUF,
    SENTRY_EVENT,
    bulk,
    envelope,
    loki_json,
    loki_push,
    otlp_json,
    otlp_request,
)

#: 500 each in `make test`, 10,000 in `make hostile`.
BODIES = 500 * int(os.environ.get("LUMINALOG_HOSTILE_EXAMPLES") or 1)
SEED = int(os.environ.get("LUMINALOG_HOSTILE_SEED") or 1)
TOKENS = [
    b"null", b"{}", b"[]", b'""', b"NaN", b"-Infinity", b"1e999", b"9" * 40, b"-1", b"true", b'"\\ud800"', b'"\\u0000"',
    b"\xff", b"\x00", b"\xef\xbb\xbf", b"\n", b"\r\n", b"[" * 80, b'{"a":' * 80, b'{"a":' * 1_500, b"x" * 12_000,
    b'"' + b"y" * 110_000 + b'"', b'"level"', b'"message"', b'"@timestamp"', b'"error"', b'"log"', b'"metadata"',
    b'"trace"', b'{"id":7}', b"\x0a\x80\x80\x80\x80\x10", b"\x12\x00" * 50, b"\x32\x00" * 50, b"\x2a\x02\x2a\x00",
    b"\x0b",
]  # fmt: skip
LINES = "\n".join(map(json.dumps, [{"timestamp": "2026-11-27T10:00:00Z", "level": "info", "message": "a"}, DOCUMENT]))
BULK = bulk(
    ({"create": {"_index": "app"}}, DOCUMENT), ({"delete": {"_id": "1"}}, None), ({"update": {}}, {"doc": DOCUMENT})
)
SENTRY_LOG = {"timestamp": 1.5, "level": "warn", "body": "a", "attributes": {"n": {"value": 1, "type": "integer"}}}
SENTRY_ITEMS: tuple[tuple[dict[str, str], Any], ...] = (
    ({"type": "event"}, SENTRY_EVENT | {"breadcrumbs": None}), ({"type": "session"}, {}),
    ({"type": "log"}, {"items": [SENTRY_LOG]}), ({"type": "feedback"}, {"contexts": {"feedback": {"message": "m"}}}),
)  # fmt: skip
CASES: dict[str, tuple[Protocol, bytes, str]] = {
    "lines": (NDJSON, LINES.encode(), "application/x-ndjson"),
    "array": (NDJSON, json.dumps([DOCUMENT, {"msg": "b", "err": {"type": "E", "stack": "x"}}]).encode(), ""),
    "text": (NDJSON, LINES.encode(), "text/plain"),
    "form": (NDJSON, b"msg=a&levelname=INFO&created=1795773600.1", "application/x-www-form-urlencoded"),
    "loki": (LOKI, loki_push(b"hello", b'{"msg": "json"}'), PROTOBUF),
    "loki json": (LOKI, json.dumps(loki_json("hello", '{"msg": "json"}')).encode(), "application/json"),
    "otlp": (OTLP, otlp_request(2).SerializeToString(), PROTOBUF),
    "otlp json": (OTLP, json.dumps(otlp_json()).encode(), "application/json"),
    "splunk": (SPLUNK, "".join(map(json.dumps, HEC_EVENTS)).encode(), ""),
    "splunk raw": (SPLUNK_RAW, LINES.encode(), "text/plain"),
    "datadog": (DATADOG, json.dumps([DATADOG_LOG, {"message": json.dumps(DOCUMENT)}]).encode(), "application/json"),
    "gelf": (GELF, json.dumps(GELF_MESSAGE).encode() + b"\0" + json.dumps(GELF_MESSAGE).encode(), ""),
    "sentry": (SENTRY, envelope(*SENTRY_ITEMS), ""),
    "sentry without lengths": (SENTRY, envelope(*SENTRY_ITEMS, lengths=False), ""),
    "sentry store": (SENTRY_STORE, json.dumps(SENTRY_EVENT).encode(), "application/json"),
    "bulk": (ELASTICSEARCH, BULK.encode(), "application/x-ndjson"),
}

_entry = Decoder(Entry).decode


def mutated(body: bytes, dice: Random, *, keeps_lengths: bool) -> bytes:
    content = bytearray(body)
    for _ in range(dice.choice([1, 1, 2, 3, 8])):
        at = dice.randrange(len(content) + 1)
        until = min(len(content), at + dice.choice([0, 1, 1, 4, 40]))
        repeated = bytes(content[max(0, at - 60) : at]) * 2
        new = dice.choice([dice.choice(TOKENS), dice.randbytes(dice.choice([1, 1, 3])), b"", repeated])
        if keeps_lengths and dice.random() < 0.9:  # else hardly a message of protobuf is read
            new, until = new[:4], at + len(new[:4])
        content[at:until] = new[: len(content) - at] if keeps_lengths else new
    return bytes(content)


@pytest.mark.parametrize("name", CASES)
def test_mutated_bodies_are_read_or_refused(name: str):
    protocol, body, media_type = CASES[name]
    dice, read, refused = Random(f"{SEED} {name}"), 0, 0
    wishes = Wishes(head=Head(media_type=media_type))
    for _ in range(BODIES):
        hostile = mutated(body, dice, keeps_lengths=media_type == PROTOBUF)
        try:
            incoming = protocol.read(hostile, wishes)
        except Refusal as refusal:
            protocol.refusal(refusal, request_id=None, head=wishes.head)
            refused += 1
            continue
        read += 1
        protocol.answer(Kept(organisation_id=1, incoming=incoming, size_bytes=0, wishes=wishes))
        for line in incoming.entries:
            assert b"\n" not in line
            assert replace_unstorable(line) == line
            assert list(excesses(_entry(line))) == [], hostile
    assert read > BODIES / 10
    assert read + refused == BODIES
