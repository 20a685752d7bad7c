"""What an archive says of itself: one manifest a day and organisation, with the tallies and digests of its parts.

Whoever has lost everything else can read an archive by it: it names what is to be found, and how it is to look.
"""

from datetime import date, datetime
from hashlib import sha256
from typing import Literal

import msgspec
from msgspec import Struct, json

from archive.errors import CorruptError
from storage.archived import Part

NAME = "manifest.json"
#: A part is a few hundred bytes of it.
MOST_BYTES = 64 * 2**20


class Manifest(Struct, frozen=True, kw_only=True):
    """An archived UTC day of receipt of an organisation. `is_complete` unless somebody archived what was left of it."""

    format: Literal["luminalog-archive-1"] = "luminalog-archive-1"
    archive: str
    organisation_id: int
    organisation: str
    day: date
    written_at: datetime
    entries: int
    size_bytes: int
    is_complete: bool = True
    parts: list[Part]


def folder(organisation_id: int, day: date | None = None) -> str:
    """Return below which name an organisation's archives lie, or one day's."""
    own = f"organisation-{organisation_id}"
    return f"{own}/{day.isoformat()}" if day else own


def name(organisation_id: int, day: date) -> str:
    """Return the name of a day's manifest."""
    return f"{folder(organisation_id, day)}/{NAME}"


def encode(manifest: Manifest) -> bytes:
    """Write a manifest as people may read it."""
    return json.format(json.encode(manifest), indent=2) + b"\n"


def decode(content: bytes) -> Manifest:
    """Read a manifest. Raises: `CorruptError`."""
    try:
        manifest = json.decode(content, type=Manifest)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise CorruptError(f"The manifest cannot be read: {error}.") from error
    if any("/" in part.name for part in manifest.parts):
        raise CorruptError("The manifest names a part of another day.")
    sums = sum(part.entries for part in manifest.parts), sum(part.size_bytes for part in manifest.parts)
    if sums != (manifest.entries, manifest.size_bytes):
        raise CorruptError("The manifest's parts are not what it says in all.")
    return manifest


def digest(content: bytes) -> str:
    """Return the SHA-256 of `content` in hexadecimal."""
    return sha256(content).hexdigest()
