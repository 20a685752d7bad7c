"""What an organisation is told of its errors: a group that grows as never before, and errors that find no group."""

from foundation import statements
from foundation.postgres import fetch_all
from notify.notices import Due, give

#: Events of a group in an hour, and that as a multiple of its median hour of seven days.
SPIKE_EVENTS, SPIKE_TIMES = 1_000, 10
HOURS_OF_WEEK = 168

DUE = statements.read(
    __file__, "due_notices", spike_events=SPIKE_EVENTS, spike_times=SPIKE_TIMES, hours=HOURS_OF_WEEK,
    half=HOURS_OF_WEEK // 2,
)  # fmt: skip


def raise_due() -> int:
    """Raise the notices that are due, each once a day; return how many were new."""
    return give([Due(*row) for row in fetch_all(DUE)])
