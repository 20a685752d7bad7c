"""What the clients send: entries of 0.1 to 110 kB in batches of 1 to 1,000, some of them invalid.

Each is made as the canonical form that the product promises to store, so that it can be compared byte by byte.
"""

import gzip
import hashlib
import json
import random
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

from foundation.levels import BY_NAME, Level
from tests.chaos.tenants import ENVIRONMENT, PROJECT, Tenant

FIRST = datetime(2026, 1, 26, 14, 30, tzinfo=UTC)
WORDS = ["connection", "refused", "naïve", "Ωmega", "日本語", "checkout", "🚀", "\\", '"', "a\ttab", "a line\nbreak"]
ENTRIES = [(1, 5, 0.6), (5, 40, 0.33), (100, 300, 0.06), (1_000, 1_000, 0.01)]  # from, to, share
PADDING_BYTES = [(0, 800, 0.97), (8_000, 9_000, 0.02), (90_000, 100_000, 0.01)]
MANY = 50  # entries, from which on none is large: bytes are bounded
COMPRESSED_SHARE = 0.10
INVALID_SHARE = 0.05
KEYED_SHARE = 0.6
#: Entries with an error, beside those of a severe level: most are of groups that every batch has, in any order.
ERROR_SHARE, KNOWN_SHARE, KNOWN_ERRORS = 0.15, 0.7, 100
#: Entries that the product must refuse, for reasons of its own each.
BROKEN: list[dict[str, Any]] = [
    {"timestamp": "yesterday", "level": "info", "message": "no time"},
    {"timestamp": "2026-01-26T14:30:00Z", "level": "loud", "message": "no level"},
    {"timestamp": "2026-01-26T14:30:00Z", "level": "info"},
    {"timestamp": "2026-01-26T14:30:00Z", "level": "info", "message": "x" * 20_000},
]


#: The published API's address, and by which others valid batches may go, with the same entries in their words.
OURS = "/v1/logs"
OF_AGENTS = ("/v1/ndjson", "/_bulk", "/loki/api/v1/push", "/otlp/v1/logs")
AGENTS_SHARE = 0.4


@dataclass(frozen=True, kw_only=True)
class SentBatch:
    """A batch: its body, and what must be found of it when it is answered 200."""

    name: str
    body: bytes
    digests: list[str]
    size_bytes: int
    idempotency_key: str | None = None
    is_lenient: bool = False
    is_valid: bool = True
    #: Where it goes: by which protocol.
    path: str = OURS

    def encoded(self, rng: random.Random) -> tuple[bytes, dict[str, str]]:
        """Return the body as it goes over the wire, one in ten compressed, and its headers."""
        headers = {"Content-Type": "application/json"}
        if self.idempotency_key:
            headers["Idempotency-Key"] = self.idempotency_key
        if self.is_lenient:
            headers["Prefer"] = "handling=lenient"
        if rng.random() >= COMPRESSED_SHARE:
            return self.body, headers
        if rng.random() < 0.5:
            return gzip.compress(self.body, 1), headers | {"Content-Encoding": "gzip"}
        return zstd.compress(self.body), headers | {"Content-Encoding": "zstd"}


def make_batch(tenant: Tenant, name: str, rng: random.Random, *, large: bool = False) -> SentBatch:
    """Make a batch; a `large` one takes several rows of the spool."""
    count, padding = (95, PADDING_BYTES[-1][:2]) if large else (_between(ENTRIES, rng), None)
    entries = [_entry(tenant, f"{name}/{index}", rng, count=count, padding=padding) for index in range(count)]
    lines = [canonical(entry) for entry in entries]
    is_broken = not large and rng.random() < INVALID_SHARE
    is_lenient = is_broken and rng.random() < 0.5
    if is_broken:
        entries = [*entries[:999], rng.choice(BROKEN)]
        lines = lines[:999]
    if not (is_broken or large) and rng.random() < AGENTS_SHARE:
        path = rng.choice(OF_AGENTS)
        return SentBatch(
            name=name,
            body=_in_words_of(path, entries),
            digests=[digest(line) for line in lines],
            size_bytes=sum(map(len, lines)),
            path=path,
        )
    return SentBatch(
        name=name,
        body=json.dumps({"logs": entries}, ensure_ascii=rng.random() < 0.3, indent=rng.choice([None, 1])).encode(),
        digests=[digest(line) for line in lines],
        size_bytes=sum(map(len, lines)),
        idempotency_key=f"key {name}" if rng.random() < KEYED_SHARE or large else None,
        is_lenient=is_lenient,
        is_valid=not is_broken or is_lenient,
    )


def _in_words_of(path: str, entries: Sequence[Mapping[str, Any]]) -> bytes:
    """Return a body of an agent's protocol that becomes exactly these entries."""
    texts = [json.dumps(entry) for entry in entries]
    if path == "/v1/ndjson":
        return "\n".join(texts).encode()
    if path == "/_bulk":
        return "".join(f'{{"create": {{}}}}\n{text}\n' for text in texts).encode()
    if path == "/otlp/v1/logs":
        records = [{"body": _any_value(entry)} for entry in entries]
        return json.dumps({"resourceLogs": [{"scopeLogs": [{"logRecords": records}]}]}).encode()
    values = [[_nanoseconds(entry["timestamp"]), text] for entry, text in zip(entries, texts, strict=True)]
    return json.dumps({"streams": [{"stream": {}, "values": values}]}).encode()


def _any_value(value: Any) -> dict[str, Any]:
    """Return a value of JSON as OpenTelemetry's."""
    if isinstance(value, dict):
        return {"kvlistValue": {"values": [{"key": name, "value": _any_value(one)} for name, one in value.items()]}}
    if isinstance(value, list):
        return {"arrayValue": {"values": [_any_value(one) for one in value]}}
    return {"stringValue": value}


def _nanoseconds(timestamp: str) -> str:
    microseconds = (datetime.fromisoformat(timestamp) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    return f"{microseconds}000"


def canonical(entry: Mapping[str, Any]) -> bytes:
    """Return the bytes that the product promises to store, and to charge for: U+0000 becomes U+FFFD."""
    return json.dumps(entry, ensure_ascii=False, separators=(",", ":")).replace("\\u0000", "\ufffd").encode()


def canonical_of_row(row: Mapping[str, Any]) -> bytes:
    """Return the same from a stored row. What the key gave an entry is left out as the clients leave it out."""
    error = row["error"] and {name: row["error"][name] for name in ("type", "message", "stack_trace")}
    entry = {
        "timestamp": row["timestamp"].replace(".000000Z", "Z"),
        "level": Level(row["level"]).label,
        "message": row["message"],
        "environment": None if row["environment"] == ENVIRONMENT else row["environment"],
        "project_id": None if row["project"] == PROJECT else row["project"],
        "trace_id": row["trace_id"],
        "metadata": row["metadata"],
        "error": error,
    }
    return canonical({name: value for name, value in entry.items() if value is not None})


def digest(line: bytes) -> str:
    """Return what a journal remembers of an entry."""
    return hashlib.blake2b(line, digest_size=12).hexdigest()


def _entry(
    tenant: Tenant, name: str, rng: random.Random, *, count: int, padding: tuple[int, int] | None
) -> dict[str, Any]:
    """Make an entry with its fields in the canonical order, and its metadata in jsonb's."""
    text = " ".join(rng.choices(WORDS, k=rng.randint(1, 12))) + ("\0" if rng.random() < 0.02 else "")
    length = rng.randint(*padding) if padding else _between(PADDING_BYTES[: 1 if count > MANY else 3], rng)
    optional: dict[str, Any] = {}
    if rng.random() < 0.2:
        optional |= {"environment": "staging", "project_id": "checkout", "trace_id": f"{rng.getrandbits(64):016x}"}
    entry: dict[str, Any] = {
        "timestamp": _timestamp(FIRST + timedelta(microseconds=rng.randrange(10**12))),
        "level": rng.choice(list(BY_NAME)),
        "message": f"{name} {text}",
        **optional,
        "metadata": {"t": tenant.marker, "id": name, "pad": f"x{rng.randbytes(length // 2).hex()}"},  # else: cards
    }
    if rng.random() < ERROR_SHARE:
        entry["error"] = _error(text, rng)
        entry["metadata"] |= {"release": f"1.{rng.randrange(4)}", "user_id": f"u{rng.randrange(500)}"}
    return entry


def _error(text: str, rng: random.Random) -> dict[str, Any]:
    """Make an error of a group that many have, or one whose words alone tell it from others: more than there may be."""
    if rng.random() >= KNOWN_SHARE:
        return {"type": "Refused", "message": text, "stack_trace": ["a.py:1", "b.py:2"]}
    kind, step = divmod(rng.randrange(KNOWN_ERRORS), 10)
    stack = [
        f'  File "/app/shop/{name}.py", line {rng.randint(1, 999)}, in {name}\n'
        for name in ("checkout", f"step_{'abcdefghij'[step]}")
    ]
    return {"type": f"{'ABCDEFGHIJ'[kind]}Error", "message": text, "stack_trace": stack}


def _between(shares: list[tuple[int, int, float]], rng: random.Random) -> int:
    [(lowest, highest, _)] = rng.choices(shares, weights=[share for *_, share in shares])
    return rng.randint(lowest, highest)


def _timestamp(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
