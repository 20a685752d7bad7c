"""Everything that the detectors find in a text, one after the other. Pure."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

from privacy import assignments, replacements
from privacy.assignments import MOST_NAME_BYTES, NAME_BYTES
from privacy.detectors import DETECTORS, EDGE, NAMED_SECRET, NETWORK, Detector
from privacy.effort import Effort
from privacy.expressions import Expression
from privacy.names import is_identifier

PRIVATE = r"\"privacy_mode\":true"


class Find(NamedTuple):
    """What `detector` has found at `text[start:end]`; `plain` is the same value however it is written."""

    start: int
    end: int
    detector: str
    plain: bytes


@dataclass(frozen=True, slots=True)
class Finder:
    """An expression over all detectors; the same in Python's own engine says, of a match of RE2's, whose it was."""

    expression: Expression
    groups: re.Pattern[bytes]
    detectors: dict[str, Detector]
    hint: Expression
    with_network: bool

    def finds(
        self, text: bytes, *, limit_at: Callable[[int], int], name_at: Callable[[int], str], effort: Effort
    ) -> Iterator[Find]:
        """Yield what is found in several texts at once, divided by U+0000.

        `limit_at` says where the text ends that holds a place, `name_at` in which field it stands. Raises: `TooMuch`.
        """
        at = 0
        while span := self.expression.span(text, at):
            effort.spend()
            found, at = self._found(text, *span, limit_at, name_at)
            if found:
                yield found

    def _found(
        self, text: bytes, start: int, end: int, limit_at: Callable[[int], int], name_at: Callable[[int], str]
    ) -> tuple[Find | None, int]:
        """Return what a match is, if anything, and from where to look further."""
        if past := replacements.end_of(text, start):
            return None, past
        group = self.groups.match(text, start, end)
        name = group.lastgroup if group else None
        if group is None or name is None:
            return None, start + 1
        if name == NAMED_SECRET:
            span = assignments.value_after(text, start, end, limit=limit_at(end))
            return (Find(*span, NAMED_SECRET, text[slice(*span)]), span[1]) if span else (None, end)
        detector = self.detectors[name]
        begin, stop = group.span(name)
        if past := replacements.end_of(text, begin):
            return None, past
        while not _holds(detector, text, begin, stop, name_at):
            if detector.name != "iban" or b" " not in text[begin:stop]:
                return None, end if detector.folds_case else start + 1
            stop = text.rindex(b" ", begin, stop)  # a word in capitals may follow
        return Find(begin, stop, name, detector.plain(text[begin:stop])), stop


@cache
def finder(*, with_network: bool) -> Finder:
    """Return the finder of all detectors, or of all but those of addresses in networks."""
    detectors = DETECTORS + (NETWORK if with_network else ())
    at_edge = "|".join(one.group for one in detectors if one.at_edge)
    free = "|".join(one.group for one in detectors if not one.at_edge)
    expression = f"{EDGE}(?:{at_edge})|(?P<{NAMED_SECRET}>{assignments.EXPRESSION})|{free}"
    hints = [one.hint or one.expression for one in detectors]
    return Finder(
        expression=Expression(re.sub(r"\(\?P<\w+>", "(?:", expression)),
        groups=re.compile(expression.encode("latin-1")),
        detectors={one.name: one for one in detectors},
        hint=Expression("|".join([*hints, assignments.HINT, PRIVATE])),
        with_network=with_network,
    )


def _holds(detector: Detector, text: bytes, start: int, end: int, name_at: Callable[[int], str]) -> bool:
    found = text[start:end]
    if detector.stands_alone and not _stands_alone(text, start, end):
        return False
    if detector.check and not detector.check(found.translate(None, detector.squeeze) if detector.squeeze else found):
        return False
    return not (detector.name == "card" and found.isdigit() and _is_identifier(text, start, name_at))


def _stands_alone(text: bytes, start: int, end: int) -> bool:
    """Tell whether no digit, point or dash touches it that makes it a piece of something longer."""
    before, after = text[max(0, start - 2) : start], text[end : end + 2]
    if before[-1:] in (b".", b"-", b":") and before[-2:-1].isdigit():
        return False
    return not (after[:1] in (b".", b"-", b":") and after[1:2].isdigit())


def _is_identifier(text: bytes, start: int, name_at: Callable[[int], str]) -> bool:
    before = text[max(0, start - MOST_NAME_BYTES) : start].rstrip(b" \"'\\")
    if before[-1:] not in (b"=", b":", b"#"):
        return is_identifier(name_at(start))
    name = before[:-1].rstrip(b" \"'\\")
    return is_identifier(name[len(name.rstrip(NAME_BYTES)) :].decode("latin-1") or name_at(start))
