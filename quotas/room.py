"""Room for a batch that the month could not be charged for: made, where it can be, or why there is none."""

from django.conf import settings

from foundation.refusals import Refusal
from quotas import borrowing, ledger


def make(organisation_id: int, size_bytes: int) -> None:
    """Open the month; at an edge, borrow what the batch needs."""
    if settings.CORE_URL:
        borrowing.make_room(organisation_id, size_bytes)
    else:
        ledger.open_month(organisation_id)


def refusal(organisation_id: int) -> Refusal:
    """Return the refusal of a batch that there is no room for."""
    return borrowing.refusal(organisation_id) if settings.CORE_URL else ledger.exhausted(organisation_id)


def remembered_refusal(organisation_id: int) -> Refusal | None:
    """Return `refusal` as this process has said it a moment ago, if it has."""
    of = borrowing.remembered if settings.CORE_URL else ledger.remembered_refusal
    return of(organisation_id)
