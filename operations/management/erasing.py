"""What `erase` and `scrub` share: whose entries, what there is, and doing it here and now."""

import time
from collections.abc import Iterator
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts import looks
from accounts.models import Organisation
from operations.erasures import life, work
from operations.erasures.counting import Counts
from operations.erasures.life import ErasureError
from operations.models import Erasure

#: How long one look at a running erasure is, and how long it is waited with nothing to be done.
BUDGET_SECONDS, PAUSE_SECONDS = 5.0, 1.0
BACKUPS = (
    "Backups that were made before still hold it, and so may PostgreSQL's files and its write-ahead log until they are"
    " written over: docs/privacy.md. Whoever restores one erases again."
)


class ErasingCommand(BaseCommand):
    """A command that takes something out of what is kept."""

    def handle(self, *_arguments: Any, **options: Any) -> None:
        try:
            self.run(options)
        except ErasureError as error:
            raise CommandError(str(error)) from error

    def run(self, options: dict[str, Any]) -> None:
        """Do what the options say."""
        raise NotImplementedError

    def erase(
        self, organisation: Organisation, *, kind: str, wanted: str = "", reference: str = "", waits: bool = True
    ) -> Erasure:
        """Ask for an erasure, and do it now unless somebody else has to confirm it; workers go on if this is killed."""
        by = looks.at_the_server()
        erasure = life.ask(organisation, kind=kind, wanted=wanted, reference=reference, by=by)
        while waits and erasure.status == Erasure.Status.RUNNING:
            is_at_it = work.work(budget_seconds=BUDGET_SECONDS)
            erasure.refresh_from_db()
            if not erasure.is_over and not (is_at_it and _moves(erasure)):
                time.sleep(PAUSE_SECONDS)
        return erasure


def _moves(erasure: Erasure) -> bool:
    """Tell whether there was something to be done, and may be more at once."""
    return erasure.began_at is not None and erasure.phase != Erasure.Phase.SPOOL and not erasure.last_error


def told(counts: Counts) -> Iterator[tuple[str, int]]:
    """Yield what there is, by what it is called."""
    yield "entries in the log store", counts.entries or 0
    yield "entries of dead letters", counts.letters
    yield from counts.found.items()
    yield from counts.elsewhere.items()
    yield "batches not stored yet, looked at once they are", counts.waiting
    if counts.unreadable:
        yield "dead letters that nobody can read", counts.unreadable


def as_row(erasure: Erasure) -> dict[str, Any]:
    """Return what is told of an erasure: never what it is about."""
    return {
        "erasure": erasure.pk,
        "organisation": erasure.organisation.slug,
        "kind": erasure.kind,
        "fingerprint": erasure.digest,
        "reference": erasure.reference,
        "status": erasure.status,
        "entries": erasure.entries,
        "letters": erasure.letters,
        "unreadable": erasure.unreadable,
        "elsewhere": erasure.elsewhere,
        "asked_by": erasure.asked_by,
        "asked_at": erasure.asked_at.isoformat(),
        "ended_at": erasure.ended_at.isoformat() if erasure.ended_at else None,
        "last_error": erasure.last_error,
    }
