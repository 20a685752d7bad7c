"""A line of an archive: an entry's canonical JSON, whole, with where it came from as its last member; and back.

Whole, so that other programs read it: its environment and project are in it even where they were its key's. Back is the
very line that was charged: by its length it is known which of the two came with it.
"""

from dataclasses import dataclass, replace
from datetime import datetime

import msgspec
from msgspec import Struct, json

from archive.errors import CorruptError
from storage.entry import CanonicalEntry
from storage.found import FoundEntry
from storage.lines import line_of

_MEMBER = b',"luminalog":'


class Origin(Struct, frozen=True, omit_defaults=True):
    """Which entry a line was, when and by which edge it was received, and the bytes that were charged for it."""

    id: int
    received_at: datetime
    size_bytes: int
    edge: str | None = None


@dataclass(frozen=True, slots=True)
class Restored:
    """An entry's canonical line; what it leaves out was its key's."""

    line: bytes
    environment: str
    project: str
    #: Whether the line has them itself.
    has_environment: bool
    has_project: bool
    edge: str | None = None


_decode_entry = json.Decoder(CanonicalEntry).decode
_decode_origin = json.Decoder(Origin).decode


def line_for(entry: FoundEntry) -> bytes:
    """Return an entry's line, with its end."""
    origin = Origin(entry.id, entry.received_at, entry.size_bytes, entry.edge)
    return line_of(entry)[:-1] + _MEMBER + json.encode(origin) + b"}\n"


def restored(line: bytes) -> Restored:
    """Return the entry of a line, as long as it was. Raises: `CorruptError`."""
    whole, member, origin = line.rpartition(_MEMBER)
    try:
        come = _decode_origin(origin[:-1])
        entry = _decode_entry(whole + b"}")
    except msgspec.MsgspecError as error:
        raise CorruptError(f"A line cannot be read: {error}.") from error
    if not member or entry.environment is None or entry.project_id is None:
        raise CorruptError("A line is not one of an archive.")
    found = _of_length(come.size_bytes, whole + b"}", entry.environment, entry.project_id)
    return replace(found, edge=come.edge)


def _of_length(size_bytes: int, line: bytes, environment: str, project: str) -> Restored:
    """Return the line that is so long with or without its environment and its project; none is: with both."""
    for has_environment, has_project in ((True, True), (False, False), (False, True), (True, False)):
        tried = line if has_environment else _without(line, "environment", environment)
        tried = tried if has_project else _without(tried, "project_id", project)
        if len(tried) == size_bytes:
            return Restored(tried, environment, project, has_environment, has_project)
    return Restored(line, environment, project, has_environment=True, has_project=True)


def _without(line: bytes, name: str, value: str) -> bytes:
    """Leave a member out: the first of its name. Before it come only texts, in which no quotation mark stands alone."""
    return line.replace(b',"%b":%b' % (name.encode(), json.encode(value)), b"", 1)
