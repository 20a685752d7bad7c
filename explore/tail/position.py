"""How far a reader of new entries has come, as it stands in the id of an event: signed, for one organisation."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.core.signing import BadSignature, Signer

from storage.arrivals import Window

#: How far back a resumed tail reaches.
OLDEST = timedelta(minutes=15)
_SNAPSHOT = r"[0-9]{1,20}:[0-9]{1,20}:[0-9,]{0,4000}"
_TEXT = re.compile(rf"([0-9]{{1,12}})~({_SNAPSHOT})(?:~({_SNAPSHOT})~([0-9]{{1,20}})~([0-9]{{1,19}}))?", re.ASCII)
#: What may have been an id of ours, signed or not.
_LIKE_ONE = re.compile(r"[0-9:,~]{3,9000}(?:\.[A-Za-z0-9_-]{0,64})?", re.ASCII)


class PositionError(ValueError):
    """The text is no position, and never was one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Position:
    """Read: all of the snapshot `seen`, taken at `at`; and what `until` adds to it, up to the entry `after`.

    `stored_xid` is the transaction that stored that entry: what `until` adds is in the order of both.
    """

    at: datetime
    seen: str
    until: str | None = None
    stored_xid: int = 0
    after: int = 0

    def is_too_old(self, now: datetime) -> bool:
        """Tell whether it lies further back than a resumed tail reaches."""
        return self.at < now - OLDEST

    def windows_to(self, snapshot: str, *, since: datetime) -> list[Window]:
        """Return what was stored from `since` on and is still to be read until `snapshot`, in order."""
        if self.until is None:
            return [Window(seen=self.seen, until=snapshot, since=since)]
        return [
            Window(seen=self.seen, until=self.until, stored_xid=self.stored_xid, after=self.after, since=since),
            Window(seen=self.until, until=snapshot, since=since),
        ]


class Positions:
    """Writes and reads the positions of one organisation."""

    def __init__(self, organisation_id: int) -> None:
        self._signer = Signer(salt=f"explore.tail.position.{organisation_id}", sep=".")

    def write(self, position: Position) -> str:
        """Return `position` as an id of an event: nobody can forge it, or use it for another organisation."""
        text = f"{int(position.at.timestamp())}~{position.seen}"
        if position.until is not None:
            text += f"~{position.until}~{position.stored_xid}~{position.after}"
        return self._signer.sign(text)

    def read(self, text: str) -> Position | None:
        """Return the position that `text` holds, None for one that we did not sign. Raises: `PositionError`."""
        if not _LIKE_ONE.fullmatch(text):
            raise PositionError(text)
        try:
            found = _TEXT.fullmatch(self._signer.unsign(text))
        except BadSignature:
            return None
        if not found:
            return None
        at, seen, until, stored_xid, after = found.groups()
        moment = datetime.fromtimestamp(int(at), UTC)
        return Position(at=moment, seen=seen, until=until, stored_xid=int(stored_xid or 0), after=int(after or 0))
