"""This process's places for reading entries: its other threads are there to take logs in. Few wait for a place.

Of either an organisation has one less than there are: it never keeps the others out.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings

from foundation.refusals import Refusal
from foundation.shares import Shares

WAIT_SECONDS = 1.0
WAITING_THREADS = 2
_places = Shares(settings.READS_PER_PROCESS, for_each=max(1, settings.READS_PER_PROCESS - 1))
_waiting = Shares(WAITING_THREADS, for_each=WAITING_THREADS - 1)


@contextmanager
def place(organisation_id: int) -> Iterator[None]:
    """Take a place before anything else; few wait for one, and not for long. Raises: `Refusal`."""
    if not (_places.take(1, owner=organisation_id) or _waited_for_place(organisation_id)):
        raise Refusal("overloaded", retry_after_seconds=2)
    try:
        yield
    finally:
        _places.give_back(1, owner=organisation_id)


def _waited_for_place(organisation_id: int) -> bool:
    if not _waiting.take(1, owner=organisation_id):
        return False
    try:
        return _places.take_soon(1, owner=organisation_id, seconds=WAIT_SECONDS)
    finally:
        _waiting.give_back(1, owner=organisation_id)
