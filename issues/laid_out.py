"""A stack laid out for readers: its lines in order, those of libraries apart, to be folded. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby

from msgspec.structs import replace

from issues.frames import MOST_CHARACTERS, found_in, frame_of
from issues.ours import NO_PREFIXES, Prefixes
from issues.shapes import Found

#: Of a stack so many lines are shown, and so much of each.
MOST_LINES, MOST_SHOWN = 400, 2_000


@dataclass(frozen=True, slots=True)
class Run:
    """Lines that stand together: frames of libraries, or the application's own and all that is no frame."""

    is_library: bool
    lines: tuple[str, ...]
    frames: int

    @property
    def text(self) -> str:
        """The lines as one text."""
        return "\n".join(self.lines)


@dataclass(slots=True)
class _Line:
    text: str
    found: Found | None = None
    is_library: bool = False
    is_told: bool = field(default=False)  # it has said itself whose it is


def runs(stack: Sequence[str], prefixes: Prefixes = NO_PREFIXES) -> list[Run]:
    """Return the lines of a stack. Where no frame is the application's own, none is apart."""
    lines = _told([line for line in "\n".join(stack).splitlines() if line.strip()][:MOST_LINES], prefixes)
    if not any(line.is_told and not line.is_library for line in lines):
        for line in lines:
            line.is_library = False
    return [
        Run(is_library, tuple(line.text[:MOST_SHOWN] for line in together), sum(line.is_told for line in together))
        for is_library, together in ((key, list(ones)) for key, ones in groupby(lines, lambda line: line.is_library))
    ]


def _told(texts: Sequence[str], prefixes: Prefixes) -> list[_Line]:
    """Tell of each line whose it is; the source below a frame is of that frame, a heading is nobody's."""
    lines: list[_Line] = []
    for text in texts:
        line, before = _Line(text), lines[-1] if lines else None
        bare = text[:MOST_CHARACTERS].strip()
        found, is_external = found_in(bare, before.text[:MOST_CHARACTERS].strip() if before else "")
        if found and found.is_amendment and before and before.found:
            line.found = replace(before.found, path=found.path)
            line.is_library = before.is_library = not frame_of(line.found, prefixes, is_external=is_external).is_ours
        elif found and not found.is_amendment:
            line.found, line.is_told = found, True
            line.is_library = not frame_of(found, prefixes, is_external=is_external).is_ours
        elif before and before.found and text[:1].isspace():
            line.is_library = before.is_library
        lines.append(line)
    return lines
