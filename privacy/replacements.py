"""What stands in the place of a value: `[email]`, `[email:3f2a9c1b77de]`. Nothing is found in it again. Pure."""

import re

from privacy.detectors import KINDS

#: Of a hash, in hexadecimal: 48 bits.
HASH_DIGITS = 12
DROPPED = "[dropped]"
MOST_BYTES = 64
#: How the finds of an organisation's own rules are called.
OWN = "own."

_EXPRESSION = rf"\[(?:dropped|{'|'.join(sorted(KINDS))}|own\.[a-z][a-z0-9_]{{0,23}})(?::[0-9a-f]{{{HASH_DIGITS}}})?\]"
_IN_TEXT, _IN_BYTES = re.compile(_EXPRESSION), re.compile(_EXPRESSION.encode())


def replacement(detector: str, digest: str = "") -> str:
    """Return what stands in the place of something that `detector` has found."""
    return f"[{detector}:{digest}]" if digest else f"[{detector}]"


def is_replacement(text: str) -> bool:
    """Tell whether `text` stands in the place of a value."""
    return text[:1] == "[" and len(text) <= MOST_BYTES and _IN_TEXT.fullmatch(text) is not None


def without(name: str) -> str:
    """Return a name without what was put into it."""
    return _IN_TEXT.sub("", name) if "[" in name else name


def end_of(text: bytes, place: int) -> int | None:
    """Return where the replacement ends that holds a place of a text; None when the place is in none."""
    begin = text.rfind(b"[", max(0, place - MOST_BYTES), place + 1)
    found = _IN_BYTES.match(text, begin) if begin >= 0 else None
    return found.end() if found and found.end() > place else None
