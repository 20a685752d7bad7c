"""Protocols of agents that people run already, and cannot mend: what is read is made to fit, and refused only if it
cannot be read at all.

A protocol of theirs yields an `Entry` for each that it reads, within no limits, or the `FieldError` of one that cannot
be read; fitting, counting and encoding happen here.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from msgspec import json

from foundation.levels import BY_NAME
from foundation.refusals import FieldError, Refusal
from ingest.canonical import MAX_ENTRY_TEXT_BYTES, Doubt, canonical_lines
from ingest.elements import refusal
from ingest.fitting import CUT, fit, shortened
from ingest.protocol import Incoming, Protocol, Wishes
from ingest.repair import BACKSLASH, ESCAPED_NUL, replace_unstorable
from storage.entry import Entry

MAX_ENTRIES = 100_000
MAX_ERRORS = 20
CHUNK = 1_000
#: What a request costs at least, and an entry, in thousandths of a token.
MIN_COST, COST_OF_AN_ENTRY = 20, 1
#: An agent that is told to wait longer drops what it has, or stays mute when there is room again.
MOST_SECONDS = {"rate_limited": 5, "too_many_requests": 5}
MOST_SECONDS_OF_OTHERS = 30
#: An entry whose text is larger is not read: its beginning becomes the message.
MAX_READ_BYTES = MAX_ENTRY_TEXT_BYTES

_entry = json.Decoder(Entry).decode

#: What a protocol yields.
Draft = Entry | FieldError


def cost_of(entries: int) -> int:
    """Return what a request of so many entries costs."""
    return max(MIN_COST, entries * COST_OF_AN_ENTRY)


def wait_less(refusal: Refusal) -> None:
    """Bound the pause that an agent is asked for."""
    if "Retry-After" in refusal.headers:
        most = MOST_SECONDS.get(refusal.code, MOST_SECONDS_OF_OTHERS)
        refusal.headers["Retry-After"] = str(min(int(refusal.headers["Retry-After"]), most))


def receipt_time() -> datetime:
    """Return the time of an entry that has none."""
    return datetime.now(UTC)


def too_many() -> Refusal:
    """Refuse a request of too many entries."""
    return Refusal("body_too_large", f"Send at most {MAX_ENTRIES:,} entries in a request.")


def unread(text: bytes, *, now: datetime) -> Entry:
    """Return the entry that stands for one that is too large to be read: how it begins."""
    beginning = text[: MAX_READ_BYTES // 64].decode(errors="replace")
    message = shortened(beginning, 10_000)
    return Entry(timestamp=now, level="info", message=message, metadata={CUT: {"entry": len(text)}})


class AgentProtocol(Protocol):
    """What all protocols of agents have in common."""

    is_agent = True
    knows_repetitions = False
    max_entries = MAX_ENTRIES
    #: Whether a body is refused in which nothing is, or of which nothing can be read.
    wants_entries = False

    def drafts(self, body: bytes, wishes: Wishes, notes: Any) -> Iterable[Draft]:
        """Yield what is in the body, one by one. Raises: `Refusal` when nothing of it can be read."""
        raise NotImplementedError

    def notes(self) -> Any:
        """Return what `drafts` may write its notes into, for the answer."""
        return None

    def read(self, body: bytes, wishes: Wishes) -> Incoming:
        notes = self.notes()
        reading = _Reading(minimum_level=wishes.minimum_level)
        drafts = iter(self.drafts(body, wishes, notes))
        while chunk := list(islice(drafts, CHUNK)):
            reading.add(chunk)
            if reading.drafts > MAX_ENTRIES:
                raise too_many()
        incoming = reading.incoming(notes)
        if self.wants_entries and not (incoming.entries or incoming.below_level):
            raise refusal(*incoming.errors) if incoming.errors else Refusal("empty_batch", "Send at least one entry.")
        return incoming


@dataclass(slots=True)
class _Reading:
    minimum_level: int
    lines: list[bytes] = field(default_factory=list)
    rejected: Counter[str] = field(default_factory=Counter)
    errors: list[FieldError] = field(default_factory=list)
    cut: Counter[str] = field(default_factory=Counter)
    below_level: int = 0
    drafts: int = 0

    def add(self, chunk: Sequence[Draft]) -> None:
        entries = [one for one in chunk if isinstance(one, Entry)]
        if len(entries) < len(chunk):
            self._reject(one for one in chunk if isinstance(one, FieldError))
        if self.minimum_level:
            kept = [entry for entry in entries if BY_NAME[entry.level] >= self.minimum_level]
            self.below_level += len(entries) - len(kept)
            entries = kept
        self.drafts += len(chunk)
        if entries:
            self.lines += self._lines(entries)

    def incoming(self, notes: Any) -> Incoming:
        return Incoming(
            entries=self.lines,
            rejected_by_code=self.rejected,
            below_level=self.below_level,
            errors=self.errors,
            cut=self.cut,
            notes=notes,
        )

    def _reject(self, errors: Iterable[FieldError]) -> None:
        for error in errors:
            self.rejected[error.code] += 1
            if len(self.errors) < MAX_ERRORS:
                self.errors.append(error)

    def _lines(self, entries: Sequence[Entry]) -> list[bytes]:
        """Return the canonical lines: of all at once, when there is nothing about any of them."""
        try:
            lines = canonical_lines(entries)
        except (Doubt, OverflowError, RecursionError, UnicodeEncodeError):
            lines = [line for entry in entries for line in self._fitted(entry)]
        text = b"\n".join(lines)
        if BACKSLASH in text and ESCAPED_NUL in text:  # what is put in its place is longer; most have neither
            repaired = (_entry(replace_unstorable(line)) for line in lines)
            lines = [line for entry in repaired for line in self._fitted(entry)]
        return lines

    def _fitted(self, entry: Entry) -> Iterator[bytes]:
        try:
            yield from canonical_lines([entry])
            return
        except (Doubt, OverflowError, RecursionError, UnicodeEncodeError):
            pass
        self.cut.update(fit(entry))
        yield from canonical_lines([entry])
