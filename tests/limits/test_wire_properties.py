"""The wire and a plain reference agree on thousands of mutated bodies, whichever way a body takes."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from foundation.refusals import Refusal
from ingest.protocols.luminalog import wire
from tests.limits.wire_reference import Bad, judge

TEXTS = ["", "hello", "é", "\0", "😀", "\ufffd", "\ud83d", "\udc00", "[{", '"\\', "\\u0000", "x" * 128]
TEXTS += ["é" * 65, "💥" * 33]
NUMBERS = [0, -1, 1.5, 2**64, -(2**70), 10**40, 1e300, 5e-324, 0.1, -0.0]
TIMES = [
    "2026-01-26T14:30:00.000Z",
    "2026-01-26 14:30:00",
    "2026-01-26t14:30:00.1234567z",
    "2026-06-30T23:59:60Z",
    "2026-01-26T14:30:00.5+05:30",
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59.9999999Z",
    "9999-12-31T23:59:59-00:01",
    "2026-02-30T00:00:00Z",
    "2026-01-26",
    "",
]
LEVELS = ["debug", "info", "warn", "error", "fatal", "panic", "INFO", ""]
NAMES = ["environment", "project_id", "trace_id", "span_id", "parent_span_id", "message", "id", "organisation_id"]
VALID = [("timestamp", "2026-01-26T14:30:00Z"), ("level", "info"), ("message", "m")]
FRAGMENTS = [
    *[b"", b" ", b"\n", b",", b'"', b"{", b"}", b"[", b"]", b":", b"\\", b"\0", b"\xff", b"\xc3\xa9", b"\xed\xa0\x80"],
    *[b"null", b"true", b"NaN", b"Infinity", b"1e400", b"-1e400", b"01", b"1.", b"9" * 4301, b"9" * 400, b"1E5"],
    *[rb"\u0000", rb"\ud800", rb"\udc00", rb"\ud83d\ude00", rb"\\u0000", rb"\ud83d\ud83d\ude00", rb"\uZZZZ"],
    *[b'"level":"bad",', b'"level":"info",', b'"metadata":null,', b'"logs":3,', b"\xef\xbb\xbf"],
]
#: Values that the standard library would not write.
SPLICES = {
    "<huge>": b"-1e400",
    "<long>": b"9" * 4300,
    "<longer>": b"9" * 4301,
    "<nan>": b"NaN",
    **{f"<{n}>": b"[" * n + b"]" * n for n in (61, 62, 63, 64)},
}


class Bodies(Random):
    """A source of batches of mostly valid entries, some overwritten in a place or two."""

    def body(self) -> bytes:
        entries = ",".join(self.entry() for _ in range(self.randint(1, 3)))
        body = ('{"api_key": "ll_x", "logs": [' + entries + "]}").encode(errors="replace")
        for name, splice in SPLICES.items():
            body = body.replace(f'"{name}"'.encode(), splice)
        for _ in range(self.choice([0, 0, 1, 1, 2])):
            start = self.randint(0, len(body))
            body = body[:start] + self.choice(FRAGMENTS) + body[start + self.randint(0, 3) :]
        return body

    def entry(self) -> str:
        pairs: list[tuple[str, Any]] = list(VALID) if self.random() < 0.9 else []
        pairs += [self.pair() for _ in range(self.randint(0, 3))]
        if self.random() < 0.3:
            self.shuffle(pairs)
        if self.random() < 0.3:
            pairs.append(("error", tuple(self.error_pair() for _ in range(self.randint(0, 4)))))
        return self.written(pairs)

    def pair(self) -> tuple[str, Any]:
        if self.random() < 0.1:
            return self.choice(["timestamp", "level", "privacy_mode", "metadata", "error", *NAMES]), self.value()
        return self.choice(
            [
                ("timestamp", self.choice(TIMES)),
                ("level", self.choice(LEVELS)),
                ("privacy_mode", self.choice([True, False, None])),
                ("metadata", self.mapping()),
                (self.choice(NAMES), self.choice(TEXTS)),
            ]
        )

    def error_pair(self) -> tuple[str, Any]:
        if self.random() < 0.1:
            return self.choice(["type", "message", "stack_trace", "context", "fingerprint", "extra"]), self.value()
        return self.choice(
            [
                (self.choice(["type", "message", "fingerprint"]), self.choice(TEXTS)),
                ("stack_trace", self.choices(TEXTS, k=self.randint(0, 3))),
                ("context", self.mapping()),
            ]
        )

    def mapping(self) -> dict[str, Any]:
        return {self.choice(TEXTS): self.value() for _ in range(self.randint(0, 3))}

    def value(self) -> Any:
        if self.random() < 0.05:
            return self.choice(list(SPLICES))
        kind = self.randint(0, 5)
        if kind == 0:
            return self.mapping()
        if kind == 1:
            return [self.value() for _ in range(self.randint(0, 3))]
        return self.choice([None, True, self.choice(NUMBERS), self.choice(TEXTS)])

    def written(self, pairs: Sequence[tuple[str, Any]]) -> str:
        """Write an object with its names as often and in the order given."""
        dumps = json.JSONEncoder(ensure_ascii=self.random() < 0.5).encode
        items = (
            f"{dumps(name)}: {self.written(value) if isinstance(value, tuple) else dumps(value)}"
            for name, value in pairs
        )
        return "{" + ", ".join(items) + "}"


Verdict = tuple[str, str, list[str], list[tuple[str, str]]]


def by_the_reference(body: bytes) -> Verdict:
    try:
        kept, wrong = judge(body)
    except Bad as bad:
        return ("refused", str(bad), [], [])
    return ("judged", "", [json.dumps(short(entry), default=as_text) for entry in kept], sorted(wrong)[:20])


def by_us(body: bytes) -> Verdict:
    """What the strict answer says is wrong, and what the lenient one keeps."""
    try:
        batch = wire.parse_batch(body, lenient=False)
    except Refusal as error:
        if [e.pointer for e in error.errors] in ([], [""], ["/logs"]):
            return ("refused", error.code, [], [])
        return ("judged", "", kept_leniently(body), sorted((e.pointer, e.code) for e in error.errors))
    return ("judged", "", [json.dumps(json.loads(line)) for line in batch.entries], [])


def kept_leniently(body: bytes) -> list[str]:
    try:
        return [json.dumps(json.loads(line)) for line in wire.parse_batch(body, lenient=True).entries]
    except Refusal:
        return []


def short(value: Any) -> Any:
    """Write integers of more than 40 digits with an exponent, as far as a float holds them."""
    match value:
        case dict():
            return {name: short(member) for name, member in value.items()}
        case list():
            return [short(member) for member in value]
        case int() if not -(10**40) < value < 10**40:
            return float(value) if -(10**308) < value < 10**308 else value
        case _:
            return value


def as_text(moment: Any) -> str:
    return str(moment.isoformat()).replace("+00:00", "Z")


@contextmanager
def entry_by_entry() -> Iterator[None]:
    usual, wire.WHOLE_BYTES = wire.WHOLE_BYTES, 0
    yield
    wire.WHOLE_BYTES = usual


@settings(max_examples=10_000, deadline=None)
@given(st.integers(0, 2**64))
def test_mutated_bodies_are_judged_as_by_the_reference(seed):
    body = Bodies(seed).body()
    expected = by_the_reference(body)
    assert by_us(body) == expected
    with entry_by_entry():
        assert by_us(body) == expected
