"""What becomes of entries, stored or dead, and of what else is kept: what is sought goes; all goes; all is scrubbed."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import timedelta

from msgspec import MsgspecError

from assist import forgetting, recordings
from explore.sought import Sought
from foundation.holdings import belongings, holdings
from ingest.spool import erasing as letters
from issues.erasing import take_back
from operations.erasures.life import read, require_suspended
from operations.erasures.scrubbed import scrub_letter, scrub_stored
from operations.models import Erasure
from privacy.policies import rules_now
from privacy.scrubbing import Scrubber
from storage import erasing
from storage.batch import Batch
from storage.conditions import EVERYTHING, Condition
from storage.erasing import Taken
from storage.found import FoundEntry, entries_in
from storage.store import Place

Note = Callable[[Taken], None]
#: What is counted elsewhere: rows, by what holds them.
Elsewhere = Iterator[tuple[str, int]]


class Erasing:
    """What becomes of entries that a query finds, or a value stands in: they go."""

    begins_after = timedelta()

    def __init__(self, sought: Sought) -> None:
        self.sought = sought
        self.condition: Condition = sought.condition
        self.found: Counter[str] = Counter()

    def of_letter(self, letter_id: int, organisation_id: int, *, note: Note | None) -> Taken | None:
        """Rewrite a dead letter without what is meant; only count it without a `note`. Raises: `Unreadable`."""
        return letters.rewrite(letter_id, organisation_id, change=self._left_of, note=note)

    def of_places(self, organisation_id: int, places: Sequence[Place], note: Note) -> None:
        """Erase what is meant at these places."""
        erasing.erase(organisation_id, places, self.condition, fits=self.sought.fits, uncount=take_back, note=note)

    def count(self, entries: Iterable[FoundEntry]) -> int:
        """Count those of stored entries that are meant."""
        return sum(map(self.sought.fits, entries))

    def elsewhere(self, organisation_id: int) -> Elsewhere:
        """Take it out of recordings, and of what other rooms hold; yield how much that was, by what held it."""
        cut_from = self.sought.wanted.cut_from
        yield recordings.NAME, recordings.rewrite(organisation_id, self._of_recording, cut=cut_from)
        yield from ((one.name, one.erase(self.sought.wanted)) for one in holdings())

    def count_elsewhere(self, organisation_id: int, *, most_recordings: int | None) -> Elsewhere:
        """Yield what `elsewhere` would."""
        yield recordings.NAME, recordings.count(organisation_id, self._of_recording, at_most=most_recordings)
        yield from ((one.name, one.count(self.sought.wanted)) for one in holdings())

    def _left_of(self, batch: Batch) -> Sequence[bytes | None]:
        return [None if self._is_meant(batch.only([n])) else line for n, line in enumerate(batch.lines)]

    def _is_meant(self, alone: Batch) -> bool:
        """Tell whether a batch of one line is meant; what is no entry is looked at as a text."""
        try:
            return self.sought.fits_unstored(entries_in(alone)[0])
        except MsgspecError:
            return self.sought.wanted.is_in(alone.lines[0].decode(errors="replace"))

    def _of_recording(self, entries: Sequence[FoundEntry]) -> dict[int, FoundEntry | None]:
        return {entry.id: None for entry in entries if self.sought.fits_unstored(entry)}


class Ending:
    """What becomes of an organisation that has gone: all entries go, and with them what the rooms have of it."""

    #: Keys that processes remember are refused by then, and requests that were on their way are through.
    begins_after = timedelta(minutes=1)
    condition: Condition = EVERYTHING
    sought = None

    def __init__(self) -> None:
        self.found: Counter[str] = Counter()

    def of_letter(self, letter_id: int, organisation_id: int, *, note: Note | None) -> Taken | None:
        """Delete a dead letter, readable or not; only count it without a `note`."""
        return letters.drop(letter_id, organisation_id, note=note)

    def of_places(self, organisation_id: int, places: Sequence[Place], note: Note) -> None:
        """Erase what is stored at these places."""
        erasing.erase(organisation_id, places, EVERYTHING, fits=lambda _: True, uncount=take_back, note=note)

    def count(self, entries: Iterable[FoundEntry]) -> int:
        """Count stored entries."""
        return sum(1 for _ in entries)

    def elsewhere(self, organisation_id: int) -> Elsewhere:
        """Have the rooms forget the organisation; yield how many rows went, by what they were."""
        yield from ((one.name, one.forget(organisation_id)) for one in belongings())

    def count_elsewhere(self, organisation_id: int, *, most_recordings: int | None) -> Elsewhere:  # noqa: ARG002
        """Yield nothing: all of it goes, however much that is."""
        yield from ()


class Scrubbing:
    """What becomes of entries by today's rules."""

    begins_after = timedelta()
    condition: Condition = EVERYTHING
    sought = None

    def __init__(self, scrubber: Scrubber) -> None:
        self._scrubber = scrubber
        self.found: Counter[str] = Counter()

    def of_letter(self, letter_id: int, organisation_id: int, *, note: Note | None) -> Taken | None:
        """Scrub a dead letter's lines; only count them without a `note`. Raises: `Unreadable`."""
        return letters.rewrite(letter_id, organisation_id, change=self._scrubbed, note=note)

    def of_places(self, organisation_id: int, places: Sequence[Place], note: Note) -> None:
        """Scrub what is stored at these places."""
        erasing.rewrite(organisation_id, places, change=self.changed, note=note)

    def changed(self, entries: Sequence[FoundEntry]) -> list[FoundEntry]:
        """Return those of `entries` that the rules change, changed."""
        return scrub_stored(entries, self._scrubber, self.found)

    def count(self, entries: Iterable[FoundEntry]) -> int:
        """Count those of stored entries that would change."""
        return len(self.changed(list(entries)))

    def elsewhere(self, organisation_id: int) -> Elsewhere:
        """Scrub recordings, and forget what was made of entries: it is made again."""
        yield recordings.NAME, recordings.rewrite(organisation_id, self._of_recording, cut=str)
        forgetting.forget(organisation_id)

    def count_elsewhere(self, organisation_id: int, *, most_recordings: int | None) -> Elsewhere:
        """Yield what `elsewhere` would."""
        yield recordings.NAME, recordings.count(organisation_id, self._of_recording, at_most=most_recordings)

    def _scrubbed(self, batch: Batch) -> Sequence[bytes]:
        return scrub_letter(batch, self._scrubber, self.found)

    def _of_recording(self, entries: Sequence[FoundEntry]) -> dict[int, FoundEntry | None]:
        return {entry.id: entry for entry in self.changed(entries)}


Doing = Erasing | Ending | Scrubbing


def doing_of(kind: str, wanted: str, organisation_id: int) -> Doing:
    """Return what an erasure of this kind does. Raises: `ErasureError`, `OperationalError`."""
    if kind == Erasure.Kind.RULES:
        return Scrubbing(Scrubber(rules_now(organisation_id)))
    if kind == Erasure.Kind.ALL:
        require_suspended(organisation_id)
        return Ending()
    return Erasing(read(kind, wanted, organisation_id))
