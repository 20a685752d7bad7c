"""Parse one of the largest bodies and print what it cost: `python -m tests.limits.body_cost NAME`."""

import json
import sys
import time
from pathlib import Path

import luminalog.wsgi  # noqa: F401 - Django as the web process has it
from foundation.refusals import Refusal
from ingest.canonical import encode_entries
from ingest.protocols.luminalog.wire import parse_batch
from privacy.rules import Rules
from privacy.scrubbing import Scrubber

SIZE_BYTES = 128 * 2**20


def legal() -> bytes:
    """1,000 entries, each as large as the contract allows a message and its metadata to be."""
    words = ["é" * 45 + str(n % 10) for n in range(102_300 // 94)]
    entry = {"timestamp": "2026-01-26T14:30:00Z", "level": "info", "message": "m" * 10_240, "metadata": {"k": words}}
    return b'{"logs":[' + b",".join([json.dumps(entry, ensure_ascii=False).encode()] * 1_000) + b"]}"


def personal() -> bytes:
    """1,000 entries whose metadata are addresses, each replaced by something longer."""
    entry = {
        "timestamp": "2026-01-26T14:30:00Z",
        "level": "info",
        "message": "",
        "metadata": {"k": ["b@a.io"] * 11_000},
    }
    return b'{"logs":[' + b",".join([json.dumps(entry).encode()] * 1_000) + b"]}"


BODIES = {
    "legal": legal,
    "addresses": personal,
    "legal, with half an emoji": lambda: legal()[:-1] + rb',"unknown":"\ud83d"}',
    "numbers for entries": lambda: b'{"logs":[' + b"0," * (SIZE_BYTES // 2) + b"0]}",
    "objects for entries": lambda: b'{"logs":[' + b"{}," * (SIZE_BYTES // 3) + b"{}]}",
    "lists in one entry": lambda: b'{"logs":[{"metadata":{"k":[' + b"[]," * (SIZE_BYTES // 3) + b"[]]}}]}",
    "lists in every entry": lambda: (
        b'{"logs":['
        + b",".join(
            [b'{"timestamp":"x","level":"info","message":"","metadata":{"k":[%b0]}}' % (b"[]," * 44_000)] * 1_000
        )
        + b"]}"
    ),
    "names in one entry": lambda: b'{"logs":[{' + b'"":0,' * (SIZE_BYTES // 5) + b'"":0}]}',
    "opening brackets": lambda: b'{"logs":' + b"[" * SIZE_BYTES,
    "white space": lambda: b'{"logs":[' + b" " * SIZE_BYTES,
    "escaped NULs": lambda: b'{"logs":["' + rb"\u0000" * (SIZE_BYTES // 6) + b'"]}',
}


def peak_bytes() -> int:
    """Return the most memory that this program ever had; `ru_maxrss` counts what its parent had before the exec."""
    lines = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(lines["VmHWM"].split()[0]) * 1024


def main(name: str) -> None:
    """Parse the body called `name`, and encode what is kept of it."""
    body = BODIES[name]()
    before = peak_bytes()
    began = time.process_time()
    try:
        parts = len(list(encode_entries(parse_batch(body, lenient=True).entries, Scrubber(Rules(hash_key=bytes(32))))))
        code = None
    except Refusal as error:
        parts, code = 0, error.code
    cpu_seconds = time.process_time() - began
    figures = {
        "size": len(body),
        "before": before,
        "peak": peak_bytes(),
        "parts": parts,
        "code": code,
        "cpu_seconds": cpu_seconds,
        "plain_cpu_seconds": plain_cpu_seconds(body) if code is None else None,
    }
    print(json.dumps(figures))


def plain_cpu_seconds(body: bytes) -> float:
    """Return what the standard library needs to read `body`, for comparison."""
    began = time.process_time()
    json.loads(body)
    return time.process_time() - began


if __name__ == "__main__":
    main(sys.argv[1])
