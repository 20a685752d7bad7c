"""A cursor that sees the groups of one organisation, for as long as somebody waits."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.db.backends.utils import CursorWrapper

from storage import wall
from storage.wall import ALIAS


@contextmanager
def asking(organisation_id: int, *, seconds: float | None = None) -> Iterator[CursorWrapper]:
    """Give a cursor behind the organisation's wall, each of whose statements ends in time."""
    with wall.behind([organisation_id], using=ALIAS) as cursor:
        milliseconds = f"{min(seconds or settings.READ_TIMEOUT_SECONDS, settings.READ_TIMEOUT_SECONDS) * 1000:.0f}"
        cursor.execute("SELECT set_config('statement_timeout', %s, true)", [milliseconds])
        yield cursor
