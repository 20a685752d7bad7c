"""What an erasure would do: counted, and nothing changed."""

from collections import Counter
from dataclasses import dataclass, field

from django.db import transaction

from explore.search import level_counts
from foundation.refusals import Refusal
from ingest.spool import erasing as letters
from ingest.spool.erasing import Unreadable
from operations.erasures.doing import Doing
from storage import erasing
from storage.search import FIRST_MOMENT, LAST_MOMENT, Search
from storage.store import store

#: A page counts the entries of so many dead letters, and of recordings.
LETTERS_ON_A_PAGE, RECORDINGS_ON_A_PAGE = 200, 50


@dataclass(frozen=True, kw_only=True)
class Counts:
    """What is there of what somebody wants to have erased, or scrubbed.

    `entries` is None where counting took too long, and may be too many where it was quick. `found` counts by detector,
    `elsewhere` rows by what holds them; batches that are `waiting` are looked at once they are stored.
    """

    entries: int | None
    letters: int
    unreadable: int
    waiting: int
    found: dict[str, int] = field(default_factory=dict)
    elsewhere: dict[str, int] = field(default_factory=dict)


def count(organisation_id: int, doing: Doing) -> Counts:
    """Count all of it, however long that takes. Raises: `Unavailable`, `DatabaseError`."""
    entries = 0
    for stored in store().days.stored():
        places = store().eraser.holding(organisation_id, doing.condition, day=stored.day)
        for group in erasing.groups(organisation_id, places):
            with transaction.atomic():
                found = list(store().eraser.found_in(organisation_id, group, doing.condition))
            entries += doing.count(found)
    return _with_the_rest(organisation_id, doing, entries=entries)


def glance(organisation_id: int, doing: Doing) -> Counts:
    """Count as far as a page has time for it, as a reader does."""
    try:
        everything = Search(organisation_id, doing.condition, FIRST_MOMENT, LAST_MOMENT)
        entries = sum(level_counts(everything).values())
    except Refusal:
        return _with_the_rest(organisation_id, doing, entries=None, is_quick=True)
    return _with_the_rest(organisation_id, doing, entries=entries, is_quick=True)


def _with_the_rest(organisation_id: int, doing: Doing, *, entries: int | None, is_quick: bool = False) -> Counts:
    of_letters, unreadable = _count_letters(organisation_id, doing, at_most=LETTERS_ON_A_PAGE if is_quick else None)
    elsewhere = doing.count_elsewhere(organisation_id, most_recordings=RECORDINGS_ON_A_PAGE if is_quick else None)
    return Counts(
        entries=entries,
        letters=of_letters,
        unreadable=unreadable,
        waiting=letters.count_waiting(organisation_id),
        found=dict(sorted(doing.found.items())),
        elsewhere=dict(elsewhere),
    )


def _count_letters(organisation_id: int, doing: Doing, *, at_most: int | None) -> tuple[int, int]:
    counted = Counter[str]()
    for letter_id in letters.ids(organisation_id)[:at_most]:
        try:
            taken = doing.of_letter(letter_id, organisation_id, note=None)
            counted["entries"] += taken.entries if taken else 0
        except Unreadable:
            counted["unreadable"] += 1
    return counted["entries"], counted["unreadable"]
