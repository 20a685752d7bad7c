"""Stored entries by today's rules: as their lines would be if they came now. Pure but for the scrubber's counts."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from msgspec import Raw, json

from privacy.effort import MOST_OF_AN_ENTRY
from privacy.replacements import DROPPED
from privacy.scrubbing import Scrubber
from storage.batch import Batch
from storage.entry import CanonicalEntry
from storage.found import FoundEntry
from storage.lines import line_of

_decode = json.Decoder(CanonicalEntry).decode


def scrub_stored(entries: Sequence[FoundEntry], scrubber: Scrubber, found: Counter[str]) -> list[FoundEntry]:
    """Return those of `entries` that the rules change, changed; what was found is added to `found`, by detector."""
    before = [line_of(entry) for entry in entries]
    after = _scrub(before, scrubber, found)
    return [
        _with(entry, line, longer=len(line) - len(old))
        for entry, old, line in zip(entries, before, after, strict=True)
        if line != old
    ]


def scrub_letter(batch: Batch, scrubber: Scrubber, found: Counter[str]) -> list[bytes]:
    """Return the lines of a dead letter, scrubbed. As `scrub_stored`."""
    return _scrub(batch.lines, scrubber, found)


def _scrub(lines: Sequence[bytes], scrubber: Scrubber, found: Counter[str]) -> list[bytes]:
    """Scrub lines; each may take what an entry may, however many they are."""
    if not lines:
        return []
    scrubbed = scrubber.scrub(b"\n".join(lines), at_most=MOST_OF_AN_ENTRY * len(lines))
    found.update(scrubbed.findings.changed)
    return scrubbed.payload.split(b"\n")


def _with(entry: FoundEntry, line: bytes, *, longer: int) -> FoundEntry:
    scrubbed = _decode(line)
    return replace(
        entry,
        message=scrubbed.message,
        environment=DROPPED if scrubbed.environment is None else scrubbed.environment,
        metadata=_document(scrubbed.metadata),
        error=_document(scrubbed.error),
        size_bytes=entry.size_bytes + longer,
    )


def _document(raw: Raw) -> Raw | None:
    return raw if bytes(raw) else None
