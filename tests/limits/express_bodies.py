"""The worst bodies for the express lane that we know of: as large as it takes, and dear to look at."""

import json

from ingest.express import AT_ONCE_BYTES, AT_ONCE_ENTRIES
from tests.hostile.site import LOG

HEAD = b'{"logs":[{"timestamp":"2026-01-26T14:30:00Z","level":"info","message":"m","metadata":{"k":'
TAIL = b"}}]}"
ROOM = AT_ONCE_BYTES - len(HEAD + TAIL)


def filled(piece: bytes, *, before: bytes = b"", after: bytes = b"") -> bytes:
    """Return a body whose one entry has as much of `piece` as fits."""
    times = (ROOM - len(before + after)) // len(piece)
    return HEAD + before + piece * times + after + TAIL


def plain() -> bytes:
    """Return as many entries as the lane takes, as long together."""
    logs = [LOG | {"message": "m" * 400, "metadata": {"n": number}} for number in range(AT_ONCE_ENTRIES)]
    return json.dumps({"logs": logs}).encode()


def entries(**fields: object) -> bytes:
    """Return as many entries as the lane takes, each with these fields."""
    return json.dumps({"logs": [LOG | {"message": "m"} | fields] * AT_ONCE_ENTRIES}).encode()


WORST: dict[str, bytes] = {
    "long numbers": filled(b"0." + b"1" * 50 + b",", before=b"[", after=b"1]"),
    "tiny numbers": filled(b"0.000001,", before=b"[", after=b"1]"),
    "one number": filled(b"9"),
    "small numbers": filled(b"1,", before=b"[", after=b"1]"),
    "floats": filled(b"1e-300,", before=b"[", after=b"1]"),
    "empty lists": filled(b"[],", before=b"[", after=b"1]"),
    "lists that never close": filled(b"["),
    "lists in lists": filled(b"[" * 60 + b"]" * 60 + b",", before=b"[", after=b"1]"),
    "empty objects": filled(b"{},", before=b"[", after=b"1]"),
    "short names": b'{"logs":[{' + b",".join(b'"%x":1' % number for number in range(1_700)) + b"}]}",
    "escapes": filled(rb"\u00e9", before=b'"', after=b'"'),
    "pairs of surrogates": filled(rb"\ud83d\ude00", before=b'"', after=b'"'),
    "lone surrogates": filled(rb"\ud800", before=b'"', after=b'"'),
    "NULs": filled(rb"\u0000", before=b'"', after=b'"'),
    "backslashes": filled(rb"\\", before=b'"', after=b'"'),
    "accents": filled("é".encode(), before=b'"', after=b'"'),
    "no UTF-8 at its end": filled(b"a", before=b'"', after=b'\xff"'),
    "controls": filled(rb"\u0001", before=b'"', after=b'"'),
    "blanks": filled(b" ", after=b"1"),
    "almost cards": filled(b"4111 ", before=b'"', after=b'"'),
    "cards": filled(b"4111111111111111,", before=b"[", after=b"1]"),
    "passwords": filled(rb"password=\"x\",", before=b'"', after=b'"'),
    "addresses in each": entries(message="b@a.io and c@a.io"),
    "bad entries": b'{"logs":[' + b"1," * 8_000 + b"1]}",
    "empty entries": b'{"logs":[' + b"{}," * 5_000 + b"{}]}",
    "leap seconds": entries(timestamp="2026-06-30T23:59:60Z"),
    "far zones": entries(timestamp="2026-06-30T23:59:59.1234567+14:00"),
    "lists in each": entries(metadata={"k": [[[{}]]] * 20}),
    "traces": entries(error={"stack_trace": ["é"] * 40}),
    "short texts": entries(**dict.fromkeys(("environment", "trace_id", "span_id", "project_id"), "é" * 20)),
}
