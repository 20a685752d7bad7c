"""What makes two errors one: version `l1`, a pure function of project, error and message.

The parts that decide are kept as text, the basis, so that everybody can see why errors are one group.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b

from msgspec import Struct
from msgspec.structs import force_setattr

from issues import frames
from issues.frames import Frame, Stack
from issues.naming import GENERIC, type_in, type_name, without_type
from issues.ours import NO_PREFIXES, Prefixes
from issues.template import beginning, template

SEPARATOR = "\x1f"
DIGEST_BYTES = 16
MOST_OF_OVERRIDE = 200
#: Stands for all templates of a parent that has too many.
ANY = "*"
_DEFAULT = re.compile(r"\{\{\s*default\s*\}\}")

#: The first part after version and project: what the others are.
OVERRIDE, STACK, WORDS, MESSAGE, FAILED, OVERFLOW = "f", "s", "t", "m", "x", "o"


class Reported(Struct, frozen=True, gc=False):
    """An error as an entry has it; a text that it lacks is empty."""

    type: str = ""
    message: str = ""
    stack: Sequence[str] = ()
    fingerprint: str = ""

    def __bool__(self) -> bool:
        return bool(self.type or self.message or self.stack or self.fingerprint)


class Fingerprint(Struct, frozen=True, gc=False):
    """What errors are grouped by. `parent` is that of its siblings, which differ in their words only; maybe none."""

    version: str
    project: str
    basis: tuple[str, ...]
    parent_basis: tuple[str, ...] | None = None
    type: str = ""
    frame: Frame | None = None  # the innermost that counts
    said: str = ""  # the message, without its type
    #: Of version, project and basis, in 128 bits; and what entries carry, the first 64 of them as PostgreSQL's bigint.
    digest: bytes = b""
    key: int = 0

    def __post_init__(self) -> None:
        digest = self._digest(self.basis)
        force_setattr(self, "digest", digest)
        force_setattr(self, "key", key_of(digest))

    @property
    def parent(self) -> bytes | None:
        """The digest of what it shares with its siblings."""
        return self._digest(self.parent_basis) if self.parent_basis else None

    @property
    def culprit(self) -> str:
        """Where it was."""
        if self.frame is None:
            return ""
        return f"{self.frame.where} in {self.frame.function}" if self.frame.function else self.frame.where

    @property
    def title(self) -> str:
        """What a person reads: type and message."""
        return ": ".join(filter(None, (self.type, self.said))) or self.basis[-1]

    def of_all_siblings(self) -> "Fingerprint":
        """Return the one fingerprint of all siblings beyond those that are kept apart."""
        assert self.parent_basis
        return Fingerprint(
            self.version, self.project, (*self.parent_basis, ANY), self.parent_basis, self.type, self.frame
        )

    @property
    def fallbacks(self) -> tuple[int, ...]:
        """The keys of fingerprints that it is counted for where there is no room for its own; the best first."""
        others = _overflows(self.project)
        return (key_of(self._digest((*self.parent_basis, ANY))), *others) if self.parent_basis else others

    def that_has(self, key: int) -> "Fingerprint":
        """Return the one with `key`: this, or one that it may be counted for instead."""
        siblings = [self.of_all_siblings()] if self.parent_basis else []
        return next(one for one in (self, *siblings, overflow(self.project), overflow("")) if one.key == key)

    def _digest(self, parts: Sequence[str]) -> bytes:
        text = SEPARATOR.join((self.version, self.project, *parts))
        return blake2b(text.encode(errors="replace"), digest_size=DIGEST_BYTES).digest()


def fingerprint(
    project: str,
    error: Reported,
    message: str,
    prefixes: Prefixes = NO_PREFIXES,
    *,
    stack_digest: bytes | None = None,
) -> Fingerprint:
    """Return the fingerprint of an error, or of an entry's message if there is none.

    `stack_digest` is `frames.digest_of` the stack, for who has it.
    """
    override = error.fingerprint.strip()[:MOST_OF_OVERRIDE]
    if not error:
        return Fingerprint(prefixes.version, project, (MESSAGE, template(message)), said=_first_line(message))
    own, others = beginning(error.message), beginning(message)
    name = type_name(error.type) or type_in(frames.lines_of(error.stack), own, others)
    said = without_type(own or others, name)
    stack = frames.of(error.stack, prefixes, digest=stack_digest)
    basis, parent = _default(name, said, stack)
    if override and not _DEFAULT.search(override):
        basis, parent = (OVERRIDE, override), None
    elif override:
        basis, parent = (*basis, OVERRIDE, override), basis
    return Fingerprint(
        prefixes.version, project, basis, parent, name, stack.frames[0] if stack.frames else None, _first_line(said)
    )


def failed(project: str, error_type: str, prefixes: Prefixes = NO_PREFIXES) -> Fingerprint:
    """Return the fingerprint of an error that could not be looked into."""
    name = error_type[:MOST_OF_OVERRIDE]
    return Fingerprint(prefixes.version, project, (FAILED, name), type=name)


@lru_cache(10_000)
def overflow(project: str) -> Fingerprint:
    """Return the fingerprint of all errors of a project for which there is no group of their own."""
    said = f"other errors of {project}" if project else "other errors"
    return Fingerprint("l1", project, (OVERFLOW,), said=said)


@lru_cache(10_000)
def _overflows(project: str) -> tuple[int, int]:
    return overflow(project).key, overflow("").key


def key_of(digest: bytes) -> int:
    """Return the key that entries carry for a digest."""
    return int.from_bytes(digest[:8], "big", signed=True)


def described(basis: Sequence[str]) -> str:
    """Say what a group is grouped by, for people."""
    if not basis:
        return "grouped by nothing"
    kind, *parts = basis
    added = ""
    if len(parts) > 3 and parts[-2] == OVERRIDE:  # with fewer it is a type of that name
        added, parts = f" and the fingerprint that was sent: {parts[-1]}", parts[:-2]
    match kind:
        case "f":
            return f"grouped by the fingerprint that was sent: {parts[0]}"
        case "s":
            return f"grouped by {_of_stack(parts)}{added}"
        case "t":
            told = "type and message" if parts[0] else "message"
            return f"grouped by {told}: {' · '.join(filter(None, parts))}{added}"
        case "m":
            return f"grouped by the entry's message: {parts[0]}{added}"
        case "x":
            return f"grouped by type only, because looking into the error failed: {parts[0]}"
    return "all errors for which there was no room for a group of their own"


def _of_stack(parts: Sequence[str]) -> str:
    name, frames_text, *words = parts
    places = frames_text.split("\n")
    counted = f"{len(places)} frame{'s' if len(places) > 1 else ''}"
    what = " and ".join(filter(None, ["type" if name else "", counted, "message" if words else ""]))
    return f"{what}: {' · '.join(filter(None, [name, *places, *words]))}"


def _default(name: str, said: str, stack: Stack) -> tuple[tuple[str, ...], tuple[str, ...] | None]:
    """Return what decides without an override, and what siblings have in common."""
    if stack.frames:
        basis = (STACK, name, stack.text)
        return ((*basis, template(said)), basis) if name in GENERIC or stack.needs_words else (basis, None)
    words = template(said)
    return (WORDS, name, words), (WORDS, name) if name else None


def _first_line(text: str) -> str:
    return text.lstrip()[:400].split("\n", 1)[0][:200].strip()
