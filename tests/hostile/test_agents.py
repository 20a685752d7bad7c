"""Addresses that agents know: whatever comes there is answered as documented; bombs in every coding take little."""

import json
import struct
import zlib
from collections.abc import Callable
from functools import cache
from random import Random

import pytest
from cramjam import brotli, snappy

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
from tests.hostile.bombs import GIGABYTE, MEBIBYTE, gzip_of_zeros, zstd_of_zeros
from tests.hostile.site import DOCUMENTED, Site
from tests.waiting import DEADLINE_SECONDS

EXTRA_BYTES = 150 * 10**6
JSON = "application/json"
#: A good body and its media type for each address, by which hostile ones are made.
GOOD: list[tuple[str, str, Callable[[], bytes]]] = [
    ("/v1/logs", PROTOBUF, lambda: bytes(otlp_request(3).SerializeToString())),
    ("/otlp/v1/logs", JSON, lambda: json.dumps(otlp_json()).encode()),
    ("/loki/api/v1/push", "application/x-protobuf", lambda: bytes(snappy.compress_raw(loki_push(b"a", b"b")))),
    ("/api/prom/push", JSON, lambda: json.dumps(loki_json("a", '{"b": 1}')).encode()),
    ("/_bulk", "application/x-ndjson", lambda: bulk(({"create": {"_index": "app"}}, DOCUMENT)).encode()),
    ("/app/_bulk", JSON, lambda: bulk(({"delete": {}}, None), ({"index": {}}, DOCUMENT)).encode()),
    ("/services/collector", JSON, lambda: "".join(map(json.dumps, HEC_EVENTS)).encode()),
    ("/services/collector/raw?host=x&time=1795773600", "text/plain", lambda: b"one\n" + json.dumps(DOCUMENT).encode()),
    ("/api/v2/logs", JSON, lambda: json.dumps([DATADOG_LOG]).encode()),
    ("/api/1/envelope/", "", lambda: envelope(({"type": "event"}, SENTRY_EVENT), ({"type": "session"}, {}))),
    ("/api/1/store/", JSON, lambda: json.dumps(SENTRY_EVENT).encode()),
    ("/gelf", JSON, lambda: json.dumps(GELF_MESSAGE).encode()),
    ("/v1/ndjson", "application/x-ndjson", lambda: json.dumps(DOCUMENT).encode() + b"\n{}\n[1]\nnone"),
]
ODD_BODIES = [
    b"", b"\0", b"\xff" * 100, b"null", b"[]", b"{}", b'"', b"[" * 100_000, b'{"a":' * 100_000, b"\n" * 100_000,
    b"9" * 100_000, b'{"message": "\\ud800\\u0000", "time": 1e999, "level": {}}', b"a=" + b"%00%ff" * 1_000,
    b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", b"\x0a\x80" * 1_000, b"{}\n" * 10_000 + b"{",
    b'{"resourceLogs": [{"scopeLogs": [null, {"logRecords": 1}]}], "streams": [[], {"values": [[null]]}]}',
]  # fmt: skip
ODD_CODINGS = ["gzip", "deflate", "zstd", "snappy", "br", "gzip,deflate", "identity", "x", "gzip;q=0"]


@cache
def bombs() -> dict[str, tuple[str, bytes]]:
    """Return small bodies that would become 160 MiB or more, by coding."""
    zeros = bytes(160 * MEBIBYTE)
    compressor = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    piece = compressor.compress(bytes(16 * MEBIBYTE)) + compressor.flush(zlib.Z_FULL_FLUSH)
    return {
        "gzip": ("gzip", gzip_of_zeros(GIGABYTE)),
        "gzip unnamed": ("", gzip_of_zeros(GIGABYTE)),
        "zstd": ("zstd", zstd_of_zeros(GIGABYTE)),
        "deflate": ("deflate", piece * 64 + b"\x03\x00"),
        "br": ("br", bytes(brotli.compress(zeros, 1))),
        "snappy frames": ("snappy", bytes(snappy.compress(zeros))),
        "snappy block": ("snappy", b"\xff\xff\xff\xff\x07" + b"\x00a" + b"\xfe\x01\x00" * 10_000),
        "snappy block of 4 GiB": ("snappy", b"\xff\xff\xff\xff\x0f" + struct.pack("<I", 0)),
    }


@pytest.mark.parametrize(("to", "media_type", "good"), GOOD, ids=[to for to, _, _ in GOOD])
def test_agents_address_answers_as_documented(site: Site, to: str, media_type: str, good: Callable[[], bytes]) -> None:
    seeds, strange = Random(f"{to} {site.name}"), {}
    with site.session() as session:

        def post(body: bytes, coding: str = "", **headers: str) -> int:
            given = {"x-api-key": site.sender, "Content-Type": media_type, "Content-Encoding": coding} | headers
            sent = {name: value for name, value in given.items() if value}
            return session.post(site.base_url + to, data=body, headers=sent, timeout=DEADLINE_SECONDS).status_code

        assert post(good()) in (200, 202, 204)
        cases = [(body, "", media_type) for body in ODD_BODIES]
        cases += [(good(), coding, media_type) for coding in ODD_CODINGS]
        cases += [(good(), "", other) for other in ("", "text/plain", "a/b; charset=utf-7", JSON, PROTOBUF)]
        cases += [(mutated(good(), seeds), "", media_type) for _ in range(40)]
        for body, coding, other in cases:
            status = post(body, coding, **{"Content-Type": other})
            if status not in DOCUMENTED | {202, 204}:
                strange[(body[:40], coding, other)] = status
    assert strange == {}


def test_bombs_in_every_coding_take_little(site: Site) -> None:
    site.forget_peak()
    resident = site.resident_bytes()
    with site.session() as session:
        for number, (name, (coding, body)) in enumerate(bombs().items()):
            to = ["/v1/ndjson", "/_bulk", "/loki/api/v1/push", "/otlp/v1/logs"][number % 4]
            given = {"x-api-key": site.secret, "Content-Type": JSON, "Content-Encoding": coding}
            sent = {header: value for header, value in given.items() if value}
            answer = session.post(site.base_url + to, data=body, headers=sent, timeout=DEADLINE_SECONDS)
            assert answer.status_code in (400, 413), (name, answer.status_code)
    assert site.peak_bytes() - resident < EXTRA_BYTES


def mutated(body: bytes, seeds: Random) -> bytes:
    """Return `body` with some bytes changed, left out or repeated."""
    changed = bytearray(body)
    for _ in range(seeds.randint(1, 6)):
        at = seeds.randrange(len(changed) + 1)
        changed[at : at + seeds.choice([0, 1, 4])] = seeds.choice(
            [b"", b"\xff", b"\0", seeds.randbytes(3), bytes(changed[at : at + 20])]
        )
    return bytes(changed)
