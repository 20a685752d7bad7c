"""Counts of what became of requests that left no row of their own: refusals above all.

They gather in the process, go to Valkey every few seconds and from there into `HourlyUsage`, each of them once.
A process that is killed, or a Valkey that forgets, loses counts; nothing else does.
"""

import atexit
import threading
import time
import uuid
from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import cast

import redis
import structlog
from django.db import transaction

from accounts.caller import Caller
from foundation import valkey
from foundation.postgres import fetch_one
from quotas import ledger
from quotas.scripts import script
from quotas.tally import HASH, Amount, Kind, Tally

log = structlog.get_logger(__name__)

FLUSH_SECONDS = 2.0
HOUR = 3600
ASIDE = "aside"

#: A fold that is remembered has been counted: its hash may come again when its removal got lost.
REMEMBER_FOLD = "INSERT INTO quotas_outcomefold (id) VALUES (%s) ON CONFLICT DO NOTHING RETURNING id"
FORGET_FOLDS = "DELETE FROM quotas_outcomefold WHERE folded_at < now() - interval '7 days'"

_tally = Tally()
_noted = threading.Event()
_sender: threading.Thread | None = None


def note(caller: Caller, outcome: str, *, requests: int = 1, entries: int = 0, size_bytes: int = 0) -> None:
    """Count an outcome of `caller`'s: `deduplicated`, `below_level`, or the code of an error. No I/O."""
    hour = int(time.time()) // HOUR * HOUR
    kind = Kind(hour, caller.organisation_id, caller.api_key_id, outcome)
    _tally.add(kind, Amount(requests, entries, size_bytes))
    _start_sender()
    _noted.set()


def flush() -> bool:
    """Hand this process's counts over to Valkey; tell whether that worked. What did not is kept."""
    try:
        _tally.send()
    except redis.RedisError as error:
        log.debug("outcomes_kept", error=type(error).__name__)
        return False
    return True


def fold() -> int:
    """Move the counts from Valkey into the hourly usage, each once; return how many rows. Raises: `RedisError`."""
    shared, aside = valkey.key(HASH), valkey.key(HASH, ASIDE)
    client = valkey.patient_client()
    taken = script("take_outcomes")(keys=[shared, aside], args=[str(uuid.uuid4())], client=client)
    answer = cast(list[bytes], taken)
    fields = {name.decode(): value.decode() for name, value in zip(answer[::2], answer[1::2], strict=True)}
    if not fields:
        return 0
    fold_id = fields.pop("id")
    rows = list(_usage_rows(fields))
    with transaction.atomic():
        if fetch_one(REMEMBER_FOLD, [fold_id]):
            ledger.count(rows)
            fetch_one(FORGET_FOLDS, [])
    script("drop_outcomes")(keys=[aside], args=[fold_id], client=client)
    return len(rows)


def _usage_rows(fields: Mapping[str, str]) -> Iterator[ledger.UsageRow]:
    amounts: defaultdict[tuple[str, ...], dict[str, int]] = defaultdict(dict)
    for field, number in fields.items():
        *kind, measure = field.split(":")
        amounts[tuple(kind)][measure] = int(number)
    for (hour, organisation_id, api_key_id, outcome), measures in amounts.items():
        yield ledger.UsageRow(
            datetime.fromtimestamp(int(hour), UTC),
            int(organisation_id),
            int(api_key_id),
            outcome,
            **(Amount(0, 0, 0)._asdict() | measures),
        )


def _start_sender() -> None:
    """Start the sending thread where there is none: also in a process that was forked after the first note."""
    global _sender
    if _sender is None or not _sender.is_alive():
        _sender = threading.Thread(target=_send_for_ever, name="outcomes", daemon=True)
        _sender.start()


def _send_for_ever() -> None:
    while _noted.wait():
        time.sleep(FLUSH_SECONDS)
        _noted.clear()
        if not flush():
            _noted.set()


atexit.register(flush)
