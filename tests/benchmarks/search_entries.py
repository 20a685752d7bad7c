"""Seeded entries for the search benchmark, as lines of COPY's text format: a week in order, or a day that is not."""

import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from enum import StrEnum

END = datetime(2026, 11, 21, tzinfo=UTC)
DAYS = 7
START = END - timedelta(days=DAYS)
#: Organisation 1 has most of them: searches are measured on it.
ORGANISATIONS = (1, 1, 1, 1, 1, 1, 2, 2, 2, 3)
BATCH_ENTRIES = 100
TRACE_ENTRIES = 12
RARE_WORD, RARE_DURATION, RARE_ENTRIES = "xylophone", 2_999, 25
LEVELS = ((10, 20), (20, 68), (30, 9), (40, 2.8), (50, 0.2))  # level, per cent
ACTIONS = ("Payment accepted", "Cart updated", "User logged in", "Cache miss", "Job finished", "Query executed")
FAILURES = ("Payment declined", "Connection reset", "Deadline exceeded", "Validation failed")
PATHS = tuple(f"/api/v1/{noun}" for noun in ("carts", "orders", "users", "payments", "search", "items", "sessions"))
STACK = [f"at handle (service-{n}.ts:{40 + n}:17)" for n in range(12)]


class Order(StrEnum):
    """How times of entries follow the times at which they came."""

    #: As they came: evenly over the week.
    TIME = "time"
    #: All in the last day, which is open, each of any moment of it: as what a shipper sends after an outage.
    RANDOM = "random"


def lines(entries: int, *, order: Order = Order.TIME, seed: int = 5) -> Iterator[str]:
    """Yield `entries` lines in the columns that COPY takes; times in microseconds."""
    chance = random.Random(seed)
    levels = chance.choices([level for level, _ in LEVELS], [share for _, share in LEVELS], k=9_973)
    rare_every = max(1, entries // RARE_ENTRIES)
    for number, (timestamp, received_at) in enumerate(_times(entries, order, seed)):
        batch, index = divmod(number, BATCH_ENTRIES)
        yield "\t".join(
            (
                str(batch * 1024 + index),
                str(ORGANISATIONS[batch % len(ORGANISATIONS)]),
                received_at.isoformat(),
                timestamp.isoformat(),
                *_content(number, levels[number % 9_973], chance, is_rare=number % rare_every == rare_every // 2),
            )
        )


def trace_id(number: int) -> str:
    """Return the trace of every organisation's `number`-th group of twelve entries."""
    return f"{(number // TRACE_ENTRIES) * 2_654_435_761 % 2**64:016x}"


def _times(entries: int, order: Order, seed: int) -> Iterator[tuple[datetime, datetime]]:
    """Yield when each entry happened, and when its batch came."""
    chance = random.Random(seed)
    span = timedelta(days=DAYS if order is Order.TIME else 1)
    step = span / entries
    for number in range(entries):
        place = number / entries if order is Order.TIME else chance.random()
        last_of_batch = number - number % BATCH_ENTRIES + BATCH_ENTRIES - 1
        yield END - span * (1 - place), END - span + step * last_of_batch


def _content(number: int, level: int, chance: random.Random, *, is_rare: bool) -> tuple[str, ...]:
    draw = chance.getrandbits(60)
    user, duration = draw % 100_000, RARE_DURATION if is_rare else (draw >> 20) % 2_000
    failed = level >= 40
    verb = FAILURES[draw % 4] if failed else ACTIONS[draw % 6]
    word = f" {RARE_WORD}" if is_rare else ""
    message = f"{verb} for user {user} in {duration} ms, request {draw:015x}{word}"
    metadata = {
        "userId": user,
        "status": 500 if failed else 404 if draw % 20 == 0 else 200,
        "duration_ms": duration,
        "path": PATHS[draw % 7],
        "region": ("eu", "us", "ap")[draw % 3],
        "request": {"id": f"{draw:015x}", "method": "POST" if draw % 4 == 0 else "GET"},
    }
    if is_rare:
        metadata["coupon"] = "RARE-7"
    error = {"type": "PaymentError", "message": verb, "stack_trace": STACK} if failed else None
    return (
        str(level),
        "production" if draw % 10 else "staging",
        ("shop", "billing", "search")[draw % 3],
        trace_id(number) if number % 3 else "\\N",
        "\\N",
        "\\N",
        "\\N",
        message,
        json.dumps(metadata, separators=(",", ":")),
        json.dumps(error, separators=(",", ":")) if error else "\\N",
        "400",
        "\\N",
        "\\N",
    )
