"""Errors for tests: sent as a client sends them, stored as a worker stores them."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from accounts.caller import Caller
from ingest.spool import table
from ingest.spool.drain import drain
from ingest.spool.payload import pack

STACK = ["at pay (/app/src/pay.js:1:2)", "at checkout (/app/src/shop.js:3:4)"]


def failure(
    type: str = "PaymentError", message: str = "no money", *, stack: Sequence[str] = STACK, **entry: Any
) -> dict[str, Any]:
    """Return an entry with an error, now and at level error unless told otherwise."""
    default = {"timestamp": datetime.now(UTC), "level": "error", "message": message}
    return default | entry | {"error": {"type": type, "message": message, "stack_trace": list(stack)}}


def send(caller: Caller, *entries: Mapping[str, Any]) -> None:
    """Put entries into the spool, as one batch."""
    lines = [
        msgspec.json.encode({"timestamp": datetime.now(UTC), "level": "info", "message": "x"} | dict(one))
        for one in entries
    ]
    table.accept(
        caller, [table.Part(payload=pack(b"\n".join(lines)), entries=len(lines), size_bytes=sum(map(len, lines)))]
    )


def store(caller: Caller, *entries: Mapping[str, Any]) -> None:
    """Send entries, and have them stored."""
    send(caller, *entries)
    drain()
