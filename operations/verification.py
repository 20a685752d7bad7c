"""The ledger against the log store: does everything that was charged sit exactly where it should?

Read only, so that it may run on a live system: PostgreSQL is looked at in one snapshot, and so is a store that joins
its transaction. Of any other store a finding is told only if a second look, later, finds it still. In bounded memory:
what the ledger and the store say of a day comes in order, as two streams.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock
from heapq import merge
from itertools import chain, groupby, islice
from operator import attrgetter

from django.db import transaction

from alerts import proof as alerts_proof
from assist import recordings
from edges import pairing
from foundation.paired import paired
from foundation.postgres import execute
from ingest.spool import dead_letters, table
from issues import proof
from quotas import allowance, ledger, loans
from quotas.ledger import Amount
from storage import receipts, rollups
from storage.receipts import Certified
from storage.store import Presence, store

SHOWN = 1000
#: So many batches are looked up at once.
BATCHES_AT_ONCE = 1000
#: Longer than a batch is on its way from the store to its receipt.
SECOND_LOOK_SECONDS = 60.0
#: What is received so shortly before midnight may be charged to the day that begins.
LATE = timedelta(minutes=1)
MONTH = attrgetter("organisation_id", "period")
BATCH = attrgetter("batch_id", "organisation_id", "received_at")

CHECKS = {
    "receipt": "Each receipt's entries and bytes are those stored, as long as retention keeps them.",
    "usage": "What a month was charged is what sits in the spool, in the log store's receipts and in dead letters.",
    "allowance": "What a public key's day was charged is what is kept of the batches it sent on that day.",
    "duplicate": "No entry is stored twice, or as received at another time than its batch.",
    "orphan": "Each stored entry belongs to a batch with a receipt of the same organisation.",
    "rollup": "What the rollups say of a minute of receipt, and of a day by minutes of events, its receipts say.",
    "errors": "Errors counted in groups are those of the receipts, and entries stored with a group; none is left out.",
    "loan": "What a month says is lent to edges its loans come to, and no edge has forwarded more than it was lent.",
    "edge_batch": "Each batch of an edge that is known to be kept is in the spool, stored, or a dead letter.",
    "two_places": "No batch is both in the spool and in the log store.",
    "incident": "People were told of each incident when it began, and when it was over, once, or not, just as it says.",
    "recording": "No organisation's recordings of errors take more than they may.",
}


@dataclass(frozen=True, kw_only=True)
class Breach:
    """One breach of a rule of `CHECKS`."""

    check: str
    organisation_id: int
    subject: str
    expected: str
    found: str


def _until_the_second_look() -> None:
    time.sleep(SECOND_LOOK_SECONDS)


def verify(*, wait: Callable[[], object] = _until_the_second_look) -> list[Breach]:
    """Run all checks; return what they found, at most `SHOWN` of each. `wait` is called before a second look."""
    findings = _look()
    if findings and not store().writer.joins_transaction:
        wait()
        still = set(_look())
        findings = [finding for finding in findings if finding in still]
    return findings


def _look() -> list[Breach]:
    with transaction.atomic():
        execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        execute("SET LOCAL statement_timeout = 0")
        execute("SET LOCAL cursor_tuple_fraction = 1")  # streams are read to their end
        days = sorted({*receipts.days(), *(stored.day for stored in store().days.stored())})
        rolled_up = sorted({*days, *rollups.days()})
        counted = sorted({*days, *proof.days()})
        of_days = chain(*map(_of_day, days), *map(_rollups, rolled_up), *map(_errors, counted))
        of_places = chain(_usage(), _allowances(), _loans(), _edge_batches(), _two_places())
        looks = chain(of_places, of_days, _incidents(), _recordings())
        return _shown(looks)


def _shown(findings: Iterable[Breach]) -> list[Breach]:
    """Return the first `SHOWN` of each check, in the order of the checks."""
    shown: list[Breach] = []
    counts: Counter[str] = Counter()
    for finding in findings:
        counts[finding.check] += 1
        if counts[finding.check] <= SHOWN:
            shown.append(finding)
    order = list(CHECKS)
    return sorted(shown, key=lambda one: (order.index(one.check), one.organisation_id, one.subject))


def _usage() -> Iterator[Breach]:
    """Compare what each month of an organisation was charged with what is kept of it, wherever it is."""
    places = merge(receipts.amounts(), table.amounts(), dead_letters.amounts(), key=MONTH)
    kept = (_total(list(of_month)) for _, of_month in groupby(places, key=MONTH))
    for charged, total in paired(ledger.charged(), kept, key=MONTH):
        month = charged or total
        assert month
        nothing = replace(month, entries=0, size_bytes=0)
        yield from _unequal(charged or nothing, total or nothing)


def _total(amounts: list[Amount]) -> Amount:
    entries, size_bytes = sum(one.entries for one in amounts), sum(one.size_bytes for one in amounts)
    return replace(amounts[0], entries=entries, size_bytes=size_bytes)


def _unequal(charged: Amount, kept: Amount) -> Iterator[Breach]:
    if charged != kept:
        yield Breach(
            check="usage",
            organisation_id=charged.organisation_id,
            subject=f"month {charged.period:%Y-%m}",
            expected=f"{charged.entries} entries, {charged.size_bytes} bytes charged",
            found=f"{kept.entries} entries, {kept.size_bytes} bytes kept",
        )


def _allowances() -> Iterator[Breach]:
    """Compare what the last day of each public key was charged with what is kept of it, wherever it is."""
    for day, of_day in groupby(allowance.spent(), key=attrgetter("day")):
        spent = list(of_day)
        keys, began_at = [one.api_key_id for one in spent], datetime.combine(day, clock.min, UTC)
        kept = _bytes_of_keys(keys, since=began_at, until=began_at + timedelta(days=1))
        late = _bytes_of_keys(keys, since=began_at - LATE, until=began_at)
        for one in spent:
            found = kept[one.api_key_id]
            if not found <= one.used_bytes <= found + late[one.api_key_id]:
                yield Breach(
                    check="allowance",
                    organisation_id=one.organisation_id,
                    subject=f"key {one.api_key_id} on {day}",
                    expected=f"{one.used_bytes} bytes charged",
                    found=f"{found} bytes kept",
                )


def _bytes_of_keys(api_key_ids: Sequence[int], *, since: datetime, until: datetime) -> Counter[int]:
    places = (receipts, table, dead_letters)
    return sum(
        (Counter(place.bytes_of_keys(api_key_ids, since=since, until=until)) for place in places), Counter[int]()
    )


def _loans() -> Iterator[Breach]:
    for organisation_id, period, lent_bytes, loans_bytes in loans.unequal():
        yield Breach(
            check="loan",
            organisation_id=organisation_id,
            subject=f"month {period:%Y-%m}",
            expected=f"{loans_bytes} bytes lent",
            found=f"{lent_bytes} bytes",
        )
    for edge_id, organisation_id, period, short_bytes in loans.short():
        yield Breach(
            check="loan",
            organisation_id=organisation_id,
            subject=f"edge {edge_id}, month {period:%Y-%m}",
            expected="no more forwarded than was lent",
            found=f"{short_bytes} bytes more",
        )


def _edge_batches() -> Iterator[Breach]:
    """Look for what an edge was told to be kept, and is not."""
    pairs = pairing.pairs()
    while some := list(islice(pairs, BATCHES_AT_ONCE)):
        kept = table.where_any([batch_id for _, _, batch_id in some])
        for edge_id, edge_batch_id, batch_id in some:
            if batch_id not in kept:
                yield Breach(
                    check="edge_batch",
                    organisation_id=0,
                    subject=f"batch {edge_batch_id} of edge {edge_id}",
                    expected=f"batch {batch_id}",
                    found="nothing",
                )


def _two_places() -> Iterator[Breach]:
    spooled = table.batches()
    while some := list(islice(spooled, BATCHES_AT_ONCE)):
        stored = receipts.among([batch_id for batch_id, _ in some])
        for batch_id, organisation_id in some:
            if (batch_id, organisation_id) in stored:
                yield Breach(
                    check="two_places",
                    organisation_id=organisation_id,
                    subject=f"batch {batch_id}",
                    expected="one place",
                    found="spool and log store",
                )


def _of_day(day: date) -> Iterator[Breach]:
    """Compare the receipts of a day with what the store has of it."""
    strays: list[Presence] = []
    for receipt, stored in paired(receipts.of_day(day), store().writer.tallies(day), key=BATCH):
        if receipt:
            yield from _missing(receipt, stored)
        elif stored:
            strays.append(stored)
        if len(strays) == BATCHES_AT_ONCE:
            yield from _without_receipt(strays)
            strays.clear()
    yield from _without_receipt(strays)


def _missing(receipt: Certified, stored: Presence | None) -> Iterator[Breach]:
    entries, size_bytes = (stored.entries, stored.size_bytes) if stored else (0, 0)
    if receipt.is_kept and receipt.entries and (entries, size_bytes) != (receipt.entries, receipt.size_bytes):
        yield Breach(
            check="receipt",
            organisation_id=receipt.organisation_id,
            subject=f"batch {receipt.batch_id}",
            expected=f"{receipt.entries} entries, {receipt.size_bytes} bytes",
            found=f"{entries} entries, {size_bytes} bytes",
        )
    if stored and stored.copies:
        yield Breach(
            check="duplicate",
            organisation_id=receipt.organisation_id,
            subject=f"batch {receipt.batch_id}",
            expected="each entry once",
            found=f"{stored.copies} copies of its entries",
        )
    errors = stored.errors if stored else 0
    if receipt.is_kept and receipt.errors is not None and receipt.errors >= 0 and errors != receipt.errors:
        yield Breach(
            check="errors",
            organisation_id=receipt.organisation_id,
            subject=f"batch {receipt.batch_id}",
            expected=f"{receipt.errors} errors",
            found=f"{errors} entries with a group",
        )


def _without_receipt(strays: Sequence[Presence]) -> Iterator[Breach]:
    """Tell what is stored beside a receipt of another time from what is stored without any."""
    certified = receipts.among([stored.batch_id for stored in strays])
    for stored in strays:
        yield _copy(stored) if (stored.batch_id, stored.organisation_id) in certified else _orphan(stored)


def _copy(stored: Presence) -> Breach:
    return Breach(
        check="duplicate",
        organisation_id=stored.organisation_id,
        subject=f"batch {stored.batch_id}",
        expected="each entry once",
        found=f"{stored.entries} entries also received {stored.received_at:%Y-%m-%d %H:%M:%S.%f}Z",
    )


def _orphan(stored: Presence) -> Breach:
    return Breach(
        check="orphan",
        organisation_id=stored.organisation_id,
        subject=f"batch {stored.batch_id}",
        expected="a receipt",
        found=f"{stored.entries} entries without one",
    )


def _rollups(day: date) -> Iterator[Breach]:
    for one in rollups.unequal(day):
        yield Breach(
            check="rollup",
            organisation_id=one.organisation_id,
            subject=one.subject,
            expected=f"{one.receipts} entries",
            found=f"{one.rolled_up} entries",
        )


def _errors(day: date) -> Iterator[Breach]:
    for one in proof.unequal(day):
        yield Breach(
            check="errors",
            organisation_id=one.organisation_id,
            subject=f"received on {day}",
            expected=one.expected,
            found=one.found,
        )


def _incidents() -> Iterator[Breach]:
    for one in alerts_proof.unequal():
        yield Breach(
            check="incident",
            organisation_id=one.organisation_id,
            subject=f"incident {one.incident_id}",
            expected=one.expected,
            found=one.found,
        )


def _recordings() -> Iterator[Breach]:
    for organisation_id, size_bytes in recordings.beyond_bounds():
        yield Breach(
            check="recording",
            organisation_id=organisation_id,
            subject="recordings",
            expected=f"{recordings.MOST_BYTES_IN_ALL} bytes at most",
            found=f"{size_bytes} bytes",
        )
