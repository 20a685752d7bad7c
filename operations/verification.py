"""The ledger against the log store: does everything that was charged sit exactly where it should?

Read only, so that it may run on a live system: PostgreSQL is looked at in one snapshot, and so is a store that joins
its transaction. Of any other store a finding is told only if a second look, later, finds it still. In bounded memory:
what the ledger and the store say of a day comes in order, as two streams.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from itertools import chain

from django.db import transaction

from alerts import proof as alerts_proof
from assist import recordings
from foundation.postgres import execute
from issues import proof
from operations.breaches import of_days, of_places
from operations.breaches.breach import CHECKS, Breach
from operations.models import Erasure
from storage import kept, receipts, rollups
from storage.store import store

SHOWN = 1000
#: Longer than a batch is on its way from the store to its receipt.
SECOND_LOOK_SECONDS = 60.0


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
        looks = chain(
            *(of_places.usage(), of_places.allowances(), of_places.uneven_loans()),
            *(of_places.edge_batches(), of_places.two_places()),
            *map(of_days.entries, days),
            *map(of_days.rolled_up, rolled_up),
            *map(of_days.errors, counted),
            *(_incidents(), _gone(), _recordings()),
        )
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


def _gone() -> Iterator[Breach]:
    ended = Erasure.objects.filter(kind=Erasure.Kind.ALL, status=Erasure.Status.DONE).order_by("id")
    for one in ended:
        assert one.began_at
        if left := kept.entries_before(one.organisation_id, one.began_at):
            yield Breach(
                check="gone",
                organisation_id=one.organisation_id,
                subject=f"erasure {one.pk}",
                expected="no entries of before",
                found=f"{left} entries",
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
