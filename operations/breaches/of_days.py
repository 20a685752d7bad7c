"""Is what receipts certify of a day stored, once, and do rollups and groups of errors say the same?"""

from collections.abc import Iterator, Sequence
from datetime import date
from operator import attrgetter

from foundation.paired import paired
from issues import proof
from operations.breaches.breach import Breach
from storage import receipts, rollups
from storage.receipts import Certified
from storage.store import Presence, store

#: So many batches without a receipt are looked up at once.
STRAYS_AT_ONCE = 1000
BATCH = attrgetter("batch_id", "organisation_id", "received_at")


def entries(day: date) -> Iterator[Breach]:
    """Compare the receipts of a day with what the store has of it."""
    strays: list[Presence] = []
    for receipt, stored in paired(receipts.of_day(day), store().writer.tallies(day), key=BATCH):
        if receipt:
            yield from _missing(receipt, stored)
        elif stored:
            strays.append(stored)
        if len(strays) == STRAYS_AT_ONCE:
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


def rolled_up(day: date) -> Iterator[Breach]:
    """Compare the rollups of a day with its receipts."""
    for one in rollups.unequal(day):
        yield Breach(
            check="rollup",
            organisation_id=one.organisation_id,
            subject=one.subject,
            expected=f"{one.receipts} entries",
            found=f"{one.rolled_up} entries",
        )


def errors(day: date) -> Iterator[Breach]:
    """Compare the errors that groups count of a day with its receipts."""
    for one in proof.unequal(day):
        yield Breach(
            check="errors",
            organisation_id=one.organisation_id,
            subject=f"received on {day}",
            expected=one.expected,
            found=one.found,
        )
