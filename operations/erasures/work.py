"""Doing what erasures ask for, in bounded steps, until the time is up. Whoever dies leaves the rest to the next.

Everything received before it began is in the spool, in a dead letter or in the log store. Letters are taken first, then
the log store day by day; then it waits until nothing of before is in the spool, and looks at what was stored since.
"""

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import structlog
from django.db import connection
from django.db.models import F
from django.db.models.functions import Now

from accounts import audit
from foundation.alone import alone
from foundation.postgres import current_time, fetch_all
from ingest.spool import erasing as letters
from ingest.spool.erasing import Unreadable
from operations.erasures.doing import Doing, doing_of
from operations.models import Erasure
from storage import erasing, receipts
from storage.erasing import Taken
from storage.store import Place, store

log = structlog.get_logger(__name__)

Phase, Status = Erasure.Phase, Erasure.Status
#: One at a time, in whatever process: an entry that was found is changed by nobody else.
LOCK = "operations.erasures"
NEXT_PHASE = dict(zip(Phase, list(Phase)[1:], strict=False))


def work(*, budget_seconds: float) -> bool:
    """Go on with what runs, the oldest first; tell whether anything was there to be done, and nobody else is at it."""
    deadline = time.monotonic() + budget_seconds
    running = Erasure.objects.filter(status=Status.RUNNING).order_by("asked_at", "id")
    if not running.exists():
        return False
    with alone(LOCK) as is_alone:
        if not is_alone:
            return False
        for erasure in running.select_related("organisation"):
            try:
                _Run(erasure, deadline).go_on()
            except Exception as error:  # whatever it is, a bug of ours too: others' go on, and its page says so
                _note_failure(erasure, error)
    return True


def _note_failure(erasure: Erasure, error: Exception) -> None:
    """Say why it does not go on, for the doctor and its page: never what it was about."""
    log.warning("erasure_failed", erasure=erasure.pk, error=type(error).__name__, exc_info=error)
    if not connection.is_usable():
        connection.close()
    Erasure.objects.filter(pk=erasure.pk).update(last_error=type(error).__name__)


@dataclass
class _Run:
    """One erasure, from where it stands."""

    erasure: Erasure
    deadline: float
    doing: Doing = field(init=False)

    def __post_init__(self) -> None:
        self.doing = doing_of(self.erasure.kind, self.erasure.wanted, self.erasure.organisation_id)

    @property
    def organisation_id(self) -> int:
        return self.erasure.organisation_id

    def go_on(self) -> None:
        """Do what there is time for."""
        steps = {
            Phase.LETTERS: self._letters,
            Phase.ENTRIES: self._entries,
            Phase.SPOOL: self._spool,
            Phase.AGAIN: self._again,
            Phase.ELSEWHERE: self._elsewhere,
        }
        while self.erasure.status == Status.RUNNING and not self._is_early():
            phase = Phase(self.erasure.phase)
            is_over = steps[phase]()
            if self.erasure.phase == phase and not is_over:
                return
            if is_over:
                self._end() if phase == Phase.ELSEWHERE else self._save(phase=NEXT_PHASE[phase])
            if time.monotonic() > self.deadline:
                return

    def _is_early(self) -> bool:
        """Tell whether it is not to begin yet."""
        asked_at = self.erasure.confirmed_at or self.erasure.asked_at
        return self.erasure.began_at is None and current_time() < asked_at + self.doing.begins_after

    def _letters(self) -> bool:
        """Look into all dead letters. Then say until when all counts, and what the log store shows from then on."""
        if self.erasure.began_at is None:
            self._save(began_at=current_time())
        found = letters.look(self.organisation_id, until=current_time())
        self._look_into(found.letter_ids)
        [(seen,)] = fetch_all("SELECT pg_current_snapshot()::text")
        self._save(seen=seen, until=current_time())
        return True

    def _entries(self) -> bool:
        """Go through the days of receipt, the oldest first."""
        for stored in store().days.stored():
            if self.erasure.day is None or stored.day > self.erasure.day:
                places = store().eraser.holding(self.organisation_id, self.doing.condition, day=stored.day)
                for group in erasing.groups(self.organisation_id, self._beyond(places)):
                    if time.monotonic() > self.deadline:
                        return False
                    self._take(group)
                    self._save(batch_id=group[-1].batch_id)
                self._save(day=stored.day, batch_id=None)
        return True

    def _beyond(self, places: Sequence[Place]) -> Sequence[Place]:
        """Return those of a day's places that come after the last batch that was gone through."""
        last = self.erasure.batch_id
        return places if last is None else [place for place in places if place.batch_id > last]

    def _spool(self) -> bool:
        """Tell whether all that was received before is stored, or a dead letter."""
        assert self.erasure.until
        is_waiting = letters.look(self.organisation_id, until=self.erasure.until).is_waiting
        self._save(last_error="")
        return not is_waiting

    def _again(self) -> bool:
        """Look at what was stored since the log store's turn came, and into all dead letters once more.

        Both as of one moment: a letter that is gone when it is looked into is on its way through the spool.
        """
        assert self.erasure.until
        now = letters.look(self.organisation_id, until=self.erasure.until)
        if now.is_waiting or not self._look_into(now.letter_ids):
            self._save(phase=Phase.SPOOL, until=current_time())
            return False
        stored = receipts.stored_since(self.erasure.seen, organisation_id=self.organisation_id)
        for group in erasing.groups(self.organisation_id, [Place(*one) for one in stored]):
            self._take(group)  # however long it takes: there is no place in this list to go on from
        return True

    def _elsewhere(self) -> bool:
        """Look at what is kept beside the log store."""
        for name, rows in self.doing.elsewhere(self.organisation_id):
            self._count_elsewhere(Counter({name: rows} if rows else {}))
        self._count_found()
        return True

    def _end(self) -> None:
        """Forget what it was about, and say in the audit trail that it is over."""
        self._save(status=Status.DONE, wanted="", ended_at=current_time(), last_error="")
        done = Erasure.objects.get(pk=self.erasure.pk)
        counted = {name: (0, getattr(done, name)) for name in ("entries", "letters")}
        audit.record(done, {"status": (Status.RUNNING, Status.DONE), **counted})

    def _take(self, group: Sequence[Place]) -> None:
        self.doing.of_places(self.organisation_id, group, self._note)
        self._count_found()

    def _look_into(self, letter_ids: Sequence[int]) -> bool:
        """Rewrite dead letters; tell whether all of them were there."""
        are_there, unreadable = True, 0
        for letter_id in letter_ids:
            try:
                taken = self.doing.of_letter(letter_id, self.organisation_id, note=self._note_letter)
                are_there &= taken is not None
            except Unreadable:
                unreadable += 1
            self._count_found()
        self._save(unreadable=unreadable)
        return are_there

    def _note(self, taken: Taken) -> None:
        """Write progress in the transaction that makes it."""
        more = {"entries": F("entries") + taken.entries, "size_bytes": F("size_bytes") + taken.size_bytes}
        Erasure.objects.filter(pk=self.erasure.pk).update(**more, moved_at=Now(), last_error="")

    def _note_letter(self, taken: Taken) -> None:
        Erasure.objects.filter(pk=self.erasure.pk).update(letters=F("letters") + taken.entries, moved_at=Now())

    def _count_found(self) -> None:
        if self.doing.found:
            self._count_elsewhere(self.doing.found)
            self.doing.found.clear()

    def _count_elsewhere(self, found: Counter[str]) -> None:
        total = Counter(self.erasure.elsewhere)
        total.update(found)
        self._save(elsewhere=dict(total))

    def _save(self, **changes: object) -> None:
        for name, value in changes.items():
            setattr(self.erasure, name, value)
        Erasure.objects.filter(pk=self.erasure.pk).update(**changes, moved_at=Now())
