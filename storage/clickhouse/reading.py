"""A question to ClickHouse for one organisation: behind the wall, in one of the few places, bound in time."""

import time
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django.conf import settings

from storage.clickhouse.errors import answering
from storage.clickhouse.server import Row, Server
from storage.places import place


class Asking:
    """Statements that share the time that one may take, and see one organisation's entries."""

    def __init__(self, server: Server, organisation_id: int, *, seconds: float) -> None:
        self._server = server
        self._settings = {server.address.wall_setting: str(organisation_id)}
        self._deadline = time.monotonic() + seconds

    def rows(self, sql: str, parameters: Mapping[str, Any]) -> list[Row]:
        """Run one statement and return its rows."""
        return self._server.rows(sql, parameters, settings=self._settings, seconds=self._left())

    def stream(self, sql: str, parameters: Mapping[str, Any]) -> Generator[Row]:
        """Run one statement and yield its rows; whoever leaves early closes it."""
        return self._server.stream(sql, parameters, settings=self._settings, seconds=self._left())

    def _left(self) -> float:
        return max(0.1, self._deadline - time.monotonic())


@contextmanager
def reading(server: Server, organisation_id: int, *, seconds: float | None = None) -> Iterator[Asking]:
    """Ask for what one organisation has, within `seconds`, or as long as reading may take.

    Raises: `Refusal` when there is no place; `Unavailable` when time is up, or ClickHouse hangs or is away.
    """
    with answering(organisation_id), place(organisation_id):
        yield asking(server, organisation_id, seconds=seconds)


def asking(server: Server, organisation_id: int, *, seconds: float | None = None) -> Asking:
    """As `reading`, for who follows what arrives: one reader, which takes no place."""
    allowed = min(seconds or settings.READ_TIMEOUT_SECONDS, settings.READ_TIMEOUT_SECONDS)
    return Asking(server, organisation_id, seconds=allowed)
