"""Rounds of a drain of errors: the soak's mix with and without groups, and floods beside errors that are known."""

import statistics
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from itertools import count
from typing import Any

from msgspec import json

from embedded.postgres import EmbeddedPostgres
from foundation.postgres import fetch_all
from ingest.canonical import encode_entries
from ingest.spool import drain as draining
from ingest.spool import table
from ingest.spool.drain import drain
from ingest.spool.payload import pack
from issues.allowance import MOST_ALIVE, MOST_NEW
from tests.benchmarks.drain_rounds import SCRUBBER, cpu_seconds, fill, parts_of

ENTRIES, BATCHES = 20, 1_024
KNOWN = 20
LETTERS = "abcdefghijklmnopqrstuvwxyz"
STACK = [f"at step{n} (/app/src/shop/step{n}.js:{n}:7)" for n in range(8)]

Error = dict[str, Any]


def word(number: int) -> str:
    """Return a word of letters, another one for each number: digits would be taken for a value."""
    letters = ""
    while True:
        number, place = divmod(number, len(LETTERS))
        letters += LETTERS[place]
        if not number:
            return letters


#: Errors by their number: each differs from all others in what decides about its group.
FLOODS: dict[str, Callable[[int], Error]] = {
    "types": lambda n: {"type": f"{word(n)}Error", "message": "no money", "stack_trace": STACK},
    "messages": lambda n: {"type": "Error", "message": f"no {word(n)} left", "stack_trace": STACK},
    "types without a stack": lambda n: {"type": f"{word(n)}Error", "message": "no money"},
    "messages without a stack": lambda n: {"type": "PaymentError", "message": f"no {word(n)} left"},
    "stacks": lambda n: {
        "type": "PaymentError",
        "message": "no money",
        "stack_trace": [f"at {word(n)}{place} (/app/src/shop/step{place}.js:{n}:7)" for place in range(8)],
    },
}


def mix(server: EmbeddedPostgres, *, rounds: int) -> tuple[tuple[float, float], float]:
    """Return the CPU µs an entry of the soak's mix without groups and with them, and the ratio: medians of rounds."""
    parts = parts_of(ENTRIES)
    costs = []
    for _ in range(rounds + 1):  # the first one warms up
        with _without_groups():
            without = _round(server, parts, batches=BATCHES)
        costs.append((without, _round(server, parts, batches=BATCHES)))
    without, grouped = (statistics.median(column) for column in zip(*costs[1:], strict=True))
    return (without, grouped), statistics.median(one / other for one, other in costs[1:])


def floods(server: EmbeddedPostgres, *, rounds: int, errors: int) -> dict[str, tuple[float, float, float]]:
    """Return by the kind of flood the CPU µs of a known error and of one of the flood, and the ratio."""
    found = {}
    numbers = count(KNOWN)
    knowns = {name: _parts([error(n % KNOWN) for n in range(KNOWN * ENTRIES)]) for name, error in FLOODS.items()}
    for known in knowns.values():
        _round(server, known, batches=BATCHES)
    for name, error in FLOODS.items():
        costs = []
        for _ in range(rounds + 1):  # the first one uses up the hour's groups
            flood = _parts([error(next(numbers)) for _ in range(errors)])
            costs.append((_round(server, knowns[name], batches=len(flood)), _round(server, flood, batches=len(flood))))
        of_known, of_flood = (statistics.median(column) for column in zip(*costs[1:], strict=True))
        found[name] = (of_known, of_flood, statistics.median(one / other for other, one in costs[1:]))
    return found


def limits() -> str:
    """Say what there is after all floods. Raises: `AssertionError`, where a limit or a count did not hold."""
    made = fetch_all("SELECT made, alive FROM issues_allowance")
    assert all(of_hour <= MOST_NEW and alive <= MOST_ALIVE for of_hour, alive in made)
    [(counted,)] = fetch_all("SELECT sum(events)::bigint FROM issues_fingerprint")
    [(stored,)] = fetch_all("SELECT count(*) FROM storage_entry WHERE error_key IS NOT NULL")
    assert counted == stored
    return (
        f"{stored:,} errors stored and counted, {sum(alive for _, alive in made):,} groups of {len(made)} organisations"
    )


@contextmanager
def _without_groups() -> Iterator[None]:
    grouped = draining._move
    draining._move = partial(grouped, is_grouped=False)
    try:
        yield
    finally:
        draining._move = grouped


def _round(server: EmbeddedPostgres, parts: Sequence[table.Part], *, batches: int) -> float:
    """Return the CPU µs an entry of draining so many batches."""
    fill(parts, batches=batches)
    seconds = cpu_seconds(server, partial(drain, budget_seconds=600))
    assert not fetch_all("SELECT 1 FROM ingest_spooledbatch LIMIT 1"), "the drain's time was up"
    return 1e6 * seconds / (batches * parts[0].entries)


def _parts(errors: Sequence[Error]) -> list[table.Part]:
    now = datetime.now(UTC)
    entries = [{"timestamp": now, "level": "error", "message": "it failed", "error": error} for error in errors]
    lines = [json.encode(entry) for entry in entries]
    parts = []
    for place in range(0, len(lines) - ENTRIES + 1, ENTRIES):
        [part] = encode_entries(lines[place : place + ENTRIES], SCRUBBER)
        parts.append(table.Part(payload=pack(part.payload), entries=part.entries, size_bytes=part.size_bytes))
    return parts
