"""How far a reader of new entries has come, as it stands in the id of an event."""

import re
from dataclasses import dataclass

from storage.receipts import Window

SNAPSHOT = re.compile(r"[0-9]{1,19}:[0-9]{1,19}:[0-9,]{0,4000}", re.ASCII)
TEXT = re.compile(rf"({SNAPSHOT.pattern})(?:~({SNAPSHOT.pattern})~([0-9]{{1,19}}))?", re.ASCII)


class PositionError(ValueError):
    """The text names no position."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Position:
    """Read: all of the snapshot `seen`; of what `until` adds to it, the entries up to `after`."""

    seen: str
    until: str | None = None
    after: int = 0

    def __str__(self) -> str:
        return self.seen if self.until is None else f"{self.seen}~{self.until}~{self.after}"

    @classmethod
    def parse(cls, text: str) -> "Position":
        """Read a position from an event's id. Raises: `PositionError`."""
        found = TEXT.fullmatch(text)
        if not found:
            raise PositionError(text)
        seen, until, after = found.groups()
        return cls(seen=seen, until=until, after=int(after or 0))

    def windows_to(self, snapshot: str) -> list[Window]:
        """Return what is still to be read until `snapshot`, in order."""
        if self.until is None:
            return [Window(seen=self.seen, until=snapshot)]
        return [
            Window(seen=self.seen, until=self.until, after=self.after),
            Window(seen=self.until, until=snapshot),
        ]
