"""How many tails may be open at once: for a key or member of staff, for an organisation's keys, and in a process."""

from collections import Counter

from explore.tail.listener import Listener
from foundation.refusals import Refusal

STREAMS_AN_OWNER = 20
STREAMS_AN_ORGANISATION = 100
STREAMS_A_PROCESS = 1_000
RETRY_SECONDS = 30


class Places:
    """Counts who has a place."""

    def __init__(self) -> None:
        self._taken: Counter[str] = Counter()

    def take(self, listener: Listener) -> None:
        """Give `listener` a place. Raises: `Refusal` when there is none for it."""
        if self._taken["all"] >= STREAMS_A_PROCESS:
            raise Refusal("overloaded", retry_after_seconds=RETRY_SECONDS)
        if (
            self._taken[listener.owner] >= STREAMS_AN_OWNER
            or self._taken[_organisation(listener)] >= STREAMS_AN_ORGANISATION
        ):
            raise Refusal("too_many_streams", retry_after_seconds=RETRY_SECONDS)
        self._taken.update(_of(listener))

    def leave(self, listener: Listener) -> None:
        """Take the place back."""
        self._taken.subtract(_of(listener))
        self._taken = +self._taken


def _of(listener: Listener) -> list[str]:
    return ["all", listener.owner, _organisation(listener)]


def _organisation(listener: Listener) -> str:
    """Staff who look at an organisation are counted apart: its keys cannot keep them out."""
    return f"organisation {listener.organisation_id} by {listener.owner.partition(' ')[0]}"
