"""Is what was charged kept somewhere, and in one place: the spool, the log store's receipts, or dead letters?"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from datetime import time as clock
from heapq import merge
from itertools import groupby, islice
from operator import attrgetter

from edges import pairing
from foundation.paired import paired
from ingest.spool import dead_letters, table
from operations.breaches.breach import Breach
from quotas import allowance, ledger, loans
from quotas.ledger import Amount
from storage import receipts

#: So many batches are looked up at once.
BATCHES_AT_ONCE = 1000
#: What is received so shortly before midnight may be charged to the day that begins.
LATE = timedelta(minutes=1)
MONTH = attrgetter("organisation_id", "period")


def usage() -> Iterator[Breach]:
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


def allowances() -> Iterator[Breach]:
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


def uneven_loans() -> Iterator[Breach]:
    """Compare what a month says is lent with its loans, and what an edge was lent with what it has forwarded."""
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


def edge_batches() -> Iterator[Breach]:
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


def two_places() -> Iterator[Breach]:
    """Look for batches that are both in the spool and in the log store."""
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
