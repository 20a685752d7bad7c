"""What must hold when the storm is over, whatever happened in it. Each check returns what is wrong, in words."""

import contextlib
import json
import os
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import requests

from foundation.levels import BY_NAME
from tests.chaos.batches import canonical_of_row, digest
from tests.chaos.entries import Sums
from tests.chaos.journal import JournalledBatch
from tests.chaos.stack import Stack
from tests.chaos.tenants import DAILY_BYTES, Tenant

SHOWN = 5
EARLIEST, LATEST = "2026-01-26", "2026-02-28"  # of the entries that clients send
ANSWERS = {200, 400, 429, 503}
#: What an outage may end a task or a thread with; anything else in a log is a bug.
OUTAGES = re.compile(
    r"(OperationalError|InterfaceError|DatabaseError|AdminShutdown|CrashShutdown|CannotConnectNow|ConnectionError"
    r"|ConnectionRefusedError|ConnectionResetError|BrokenPipeError|TimeoutError|BusyLoadingError|IdleInTransactionSessionTimeout"
    r"|DiskFull|SchedulingError|InjectedError|Unavailable|LinkError)\b"
    # Celery's worker ends when Valkey dies while it acknowledges a task (celery/kombu#582); it is started again.
    r"|AttributeError: 'NoneType' object has no attribute 'hostname'$"
)
MONEY = """
SELECT quota.organisation_id, coalesce((SELECT sum(used_bytes) FROM quotas_monthlyusage u
                                         WHERE u.organisation_id = quota.organisation_id), 0)::bigint,
       coalesce((SELECT sum(size_bytes) FROM storage_receipt r
                  WHERE r.organisation_id = quota.organisation_id), 0)::bigint,
       coalesce((SELECT sum(size_bytes) FROM ingest_deadletter d
                  WHERE d.organisation_id = quota.organisation_id), 0)::bigint
  FROM quotas_quota AS quota
"""
#: Of each organisation, how many errors: by minutes, hours and fingerprints, and by receipts.
ERRORS = """
SELECT quota.organisation_id,
       coalesce((SELECT sum(events) FROM issues_minute m WHERE m.organisation_id = quota.organisation_id), 0)::bigint,
       coalesce((SELECT sum(events) FROM issues_hour h WHERE h.organisation_id = quota.organisation_id), 0)::bigint,
       coalesce((SELECT sum(events) FROM issues_fingerprint f
                  WHERE f.organisation_id = quota.organisation_id), 0)::bigint,
       coalesce((SELECT sum(errors) FROM storage_receipt r
                  WHERE r.organisation_id = quota.organisation_id), 0)::bigint
  FROM quotas_quota AS quota
"""
ALLOWANCES = "SELECT api_key_id, used_bytes FROM quotas_dailyusage WHERE is_provable"
LEFT_OVER = {
    "batches in the spool": "SELECT count(*) FROM ingest_spooledbatch",
    "dead letters": "SELECT count(*) FROM ingest_deadletter",
    "sessions idle in a transaction": "SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'"
    " AND state_change < now() - interval '2 seconds'",
    "locks that are waited for": "SELECT count(*) FROM pg_locks WHERE NOT granted",
    "tables that are no partition": r"SELECT count(*) FROM pg_class WHERE relname ~ '^storage_entry_\d{8}$'"
    " AND relkind = 'r' AND NOT relispartition",
}


@dataclass(frozen=True, kw_only=True)
class Stored:
    """The entries of a scenario as the log store has them: digests by organisation and batch."""

    digests: dict[tuple[int, str], Counter[str]]
    wrong_sizes: int
    strangers: int
    #: With an error, or of a severe level, and in no group; and the other way round.
    wrong_keys: int

    @property
    def entries(self) -> int:
        return sum(digests.total() for digests in self.digests.values())


def read_stored(stack: Stack, scenario: str, tenants: Sequence[Tenant]) -> Stored:
    """Read what the scenario's clients sent from the log store, and bring each entry into canonical form again."""
    digests: dict[tuple[int, str], Counter[str]] = {}
    markers = {tenant.organisation_id: tenant.marker for tenant in tenants}
    wrong_sizes = strangers = wrong_keys = 0
    for row in stack.entries.beginning_with(f"{scenario}/"):
        line = canonical_of_row(row)
        batch = row["metadata"]["id"].rpartition("/")[0]
        digests.setdefault((row["organisation_id"], batch), Counter())[digest(line)] += 1
        wrong_sizes += len(line) != row["size_bytes"]
        strangers += row["metadata"]["t"] != markers[row["organisation_id"]]
        is_error = bool(row["error"]) or row["level"] >= BY_NAME["error"]
        wrong_keys += is_error != (row["error_key"] is not None)
    return Stored(digests=digests, wrong_sizes=wrong_sizes, strangers=strangers, wrong_keys=wrong_keys)


def check_entries(batches: Mapping[str, JournalledBatch], stored: Stored) -> Iterator[str]:
    """Acknowledged: exactly once, byte by byte. In doubt: whole or not at all. Refused: never. Nothing else."""
    for batch in batches.values():
        found = stored.digests.get((batch.organisation_id, batch.name), Counter())
        is_whole = found == Counter(batch.digests)
        if batch.is_acknowledged and not is_whole:
            yield f"{batch.name}: answered 200, stored {found.total()} of {len(batch.digests)} entries, or not as sent"
        elif not batch.is_acknowledged and found and not batch.is_in_doubt:
            codes = [answer.code or answer.status for answer in batch.answers]
            yield f"{batch.name}: refused with {codes}, stored {found.total()} entries"
        elif found and not is_whole:
            yield f"{batch.name}: in doubt, and stored in part: {found.total()} of {len(batch.digests)} entries"
    known = {(batch.organisation_id, batch.name) for batch in batches.values()}
    for organisation_id, name in stored.digests.keys() - known:
        yield f"{name}: stored for organisation {organisation_id}, which has not sent it"
    if stored.wrong_sizes:
        yield f"{stored.wrong_sizes} entries have a size_bytes that is not their length"
    if stored.strangers:
        yield f"{stored.strangers} entries carry a stranger's marker"
    if stored.wrong_keys:
        yield f"{stored.wrong_keys} errors are in no group, or entries in one that are no errors"


def check_answers(
    batches: Mapping[str, JournalledBatch],
    *,
    failures: int,
    healed_at: float,
    slowest_seconds: float,
    may_wait: Collection[int] = (),
) -> Iterator[str]:
    """Only documented answers, right in what they say; `failures` 500s were ordered.

    No refusal after `healed_at`, but of organisations that may be told to wait.
    """
    answers = [(batch, answer) for batch in batches.values() for answer in batch.answers]
    statuses = Counter(answer.status for _, answer in answers if answer.status)
    for status in statuses.keys() - ANSWERS - ({500} if failures else set()):
        yield f"{statuses[status]} answers {status}"
    if statuses[500] > failures:
        yield f"{statuses[500]} answers 500, of which {failures} were ordered"
    for batch, answer in answers:
        if answer.status == 200 and (answer.bytes_used, answer.processed) != (batch.size_bytes, len(batch.digests)):
            yield f"{batch.name}: answered {answer.bytes_used} bytes of {batch.size_bytes}"
        if answer.status == 200 and not batch.is_valid:
            yield f"{batch.name}: is not valid and was answered 200"
        if answer.status and answer.seconds > slowest_seconds:
            yield f"{batch.name}: the answer {answer.status} took {answer.seconds:.1f} s"
        is_told_to_wait = answer.status == 503 and batch.organisation_id in may_wait
        if answer.started_at > healed_at and answer.status in (None, 503) and not is_told_to_wait:
            yield f"{batch.name}: answered {answer.code or answer.status} though everything is well again"


def check_money(stack: Stack, batches: Iterable[JournalledBatch], tenants: Sequence[Tenant]) -> Iterator[str]:
    """Bytes used = receipts = stored (+ dead letters) ≥ answered, and never above the limit.

    What is used beyond what was answered lies in batches that are in doubt.
    """
    answered, doubtful = Counter[int](), Counter[int]()
    for batch in batches:
        answered[batch.organisation_id] += batch.size_bytes * batch.is_acknowledged
        doubtful[batch.organisation_id] += batch.size_bytes * batch.is_in_doubt
    limits = {tenant.organisation_id: tenant.monthly_bytes for tenant in tenants}
    of_tenants = [row for row in stack.query(MONEY) if row[0] in limits]
    sums = stack.entries.sums()
    for organisation, used, received, dead in of_tenants:
        stored = sums.get(organisation, Sums()).size_bytes
        if not used == received + dead == stored + dead:
            yield f"organisation {organisation}: used {used}, receipts {received}, stored {stored}, dead {dead}"
        promised, doubted = answered[organisation], doubtful[organisation]
        if not promised <= used <= promised + doubted:
            yield f"organisation {organisation}: used {used}, answered {promised}, in doubt {doubted}"
        if used > limits[organisation]:
            yield f"organisation {organisation}: used {used} of {limits[organisation]}"


def check_errors(stack: Stack, tenants: Sequence[Tenant]) -> Iterator[str]:
    """Errors counted in groups = those of the receipts = entries stored with a key, and there are some."""
    ids = {tenant.organisation_id for tenant in tenants}
    sums = stack.entries.sums()
    for organisation, *counted in (row for row in stack.query(ERRORS) if row[0] in ids):
        counts = [*counted, sums.get(organisation, Sums()).errors]
        if len(set(counts)) > 1 or counts[0] == 0:
            names = ("minutes", "hours", "fingerprints", "receipts", "entries")
            said = ", ".join(f"{name} {count}" for name, count in zip(names, counts, strict=True))
            yield f"organisation {organisation}: errors by {said}"


def check_allowances(stack: Stack, tenants: Sequence[Tenant]) -> Iterator[str]:
    """Each public key was charged a day, and no more than that has; that it was charged right says the ledger."""
    used = dict(stack.query(ALLOWANCES))
    for tenant in tenants:
        charged = used.get(tenant.public_key_id, 0)
        if not 0 < charged <= DAILY_BYTES:
            yield f"{tenant.slug}: its public key was charged {charged} of {DAILY_BYTES} bytes"


def check_ledger(stack: Stack) -> Iterator[str]:
    """`manage.py verify_ledger` finds nothing."""
    try:
        stack.manage("verify_ledger")
    except AssertionError as error:
        yield f"verify_ledger: {error}"


def check_left_over(stack: Stack) -> Iterator[str]:
    """Nothing waits, nothing is locked, nothing lies about."""
    for name, statement in LEFT_OVER.items():
        [(count,)] = stack.query(statement)
        if count:
            yield f"{count} {name}"
    for path in (stack.folder / "postgres" / "data" / "base").glob("pgsql_tmp/*"):
        yield f"temporary file {path.name}"


def check_isolation(stack: Stack, tenants: Sequence[Tenant]) -> Iterator[str]:
    """Through the API: each organisation reads its own entries, and no marker of another."""
    for tenant in tenants:
        others = [other.marker for other in tenants if other is not tenant]
        for query in ["", *(f't:"{marker}"' for marker in others)]:
            answer = requests.get(
                f"{stack.direct_url}/v1/logs",
                params={"query": query, "limit": "1000", "from": EARLIEST, "to": LATEST},
                headers={"x-api-key": tenant.api_key},
                timeout=20,
            )
            if answer.status_code != 200:
                yield f"{tenant.slug}: reading answered {answer.status_code} {answer.text[:200]}"
            elif any(marker in answer.text for marker in others):
                yield f"{tenant.slug}: reads a marker of another organisation"
            elif query and answer.json()["logs"]:
                yield f"{tenant.slug}: finds entries by another's marker"
            elif not query and not answer.json()["logs"]:
                yield f"{tenant.slug}: cannot read its own entries"


def check_logs(stack: Stack, *, failures: int) -> Iterator[str]:
    """No error that nobody thought of, in any part's log."""
    internal = 0
    for path in stack.logs.iterdir():
        text = path.read_text(errors="replace")
        internal += text.count("internal_error")
        for number, ending in enumerate(_ends_of_tracebacks(text)):
            if not OUTAGES.search(ending) and number < SHOWN:
                yield f"{path.name}: a traceback ends with {ending[:200]!r}"
    if internal > failures:
        yield f"{internal} internal errors in the logs, of which {failures} were ordered"


def check_secrets(stack: Stack, tenants: Sequence[Tenant]) -> Iterator[str]:
    """No API key in any file of the data folder, nor in any log."""
    keys = [key.encode() for tenant in tenants for key in (tenant.api_key, tenant.public_key)]
    for folder, _, names in os.walk(stack.folder):  # merges take folders and files away meanwhile
        for path in (Path(folder, name) for name in names):
            with contextlib.suppress(FileNotFoundError):
                content = path.read_bytes() if path.is_file() and not path.is_symlink() else b""
                if any(key in content for key in keys):
                    yield f"{path.relative_to(stack.folder)} holds an API key"


def _ends_of_tracebacks(text: str) -> Iterator[str]:
    """Yield the exception of each event that has one, and of each bare traceback; of chained ones, the last."""
    ending, is_inside = "", False
    for line in text.splitlines():
        if line.startswith("{"):
            yield from _exception_of(line)
        elif "Traceback (most recent call last)" in line:
            if ending:
                yield ending
            ending, is_inside = "", True
        elif is_inside and line and not line.startswith((" ", "|", "+")):
            ending, is_inside = line, False
        elif line.startswith(("During handling of the above", "The above exception was")):
            ending = ""
    if ending:
        yield ending


def _exception_of(line: str) -> Iterator[str]:
    """Yield the last exception of an event, if it has one; one of Django's with that of psycopg which it wraps."""
    with contextlib.suppress(json.JSONDecodeError):  # half a line of a killed process
        if exception := json.loads(line).get("exception"):
            *earlier, last = [named for named in exception.strip().splitlines() if not named.startswith(" ")]
            yield f"{last} of {earlier[-1]}" if earlier and last.startswith("django.db.utils.") else last


def some(breaches: Iterable[str]) -> list[str]:
    """Return the first breaches, and how many more there are."""
    found = list(breaches)
    return found[:SHOWN] + ([f"… and {len(found) - SHOWN} more"] if len(found) > SHOWN else [])
