"""Whether people were told of each incident just as it says: once that it began, once that it is over, or nothing."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from alerts.messages import key_of
from alerts.models import Incident
from foundation.postgres import current_time
from notify import outbox
from notify.retention import KEPT_DAYS

#: As long as the messages are kept, but for the day on which they go.
PROVABLE = timedelta(days=KEPT_DAYS - 1)
AT_ONCE = 1_000
#: What is said of one that begins, or was over when it was seen.
BEGINNINGS = ("opened", "late", "flapping")
ENDS = ("closed",)
#: What these begin with is no message of their own.
UNTOLD = (Incident.Told.COOLED, Incident.Told.FLAPS_ON)


@dataclass(frozen=True, slots=True)
class Unequal:
    """What an incident says of its messages, and what there is."""

    organisation_id: int
    incident_id: int
    expected: str
    found: str


def unequal() -> Iterator[Unequal]:
    """Yield what people were told of incidents otherwise than these say. In the caller's transaction, in pages."""
    since, after = current_time() - PROVABLE, 0
    while page := list(Incident.objects.filter(created_at__gt=since, pk__gt=after).order_by("pk")[:AT_ONCE]):
        yield from _of_page(page)
        after = page[-1].pk


def _of_page(page: Sequence[Incident]) -> Iterator[Unequal]:
    asked = [(one.organisation_id, key_of(one, step)) for one in page for step in (*BEGINNINGS, *ENDS)]
    put = outbox.known(asked)
    for one in page:
        begun, ended = (
            [step for step in steps if (one.organisation_id, key_of(one, step)) in put] for steps in (BEGINNINGS, ENDS)
        )
        if len(begun) != (one.told not in UNTOLD):
            expected = "no message" if one.told in UNTOLD else "one message"
            yield Unequal(one.organisation_id, one.pk, f"{expected} that it began", ", ".join(begun) or "none")
        if (is_told := _is_told_over(one)) is not None and bool(ended) != is_told:
            expected = "one message" if is_told else "no message"
            yield Unequal(one.organisation_id, one.pk, f"{expected} that it is over", ", ".join(ended) or "none")


def _is_told_over(one: Incident) -> bool | None:
    """Tell whether people are told that an incident is over; None where only its rule's kind could say."""
    if one.closed_at is None or one.ended_by or one.is_late or one.told != Incident.Told.TOLD:
        return False
    return True if one.closed_at > one.opened_at else None
