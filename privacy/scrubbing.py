"""The entries of a batch, scrubbed: most are vouched for by one look at all of them; the others are decoded. Pure.

What cannot be scrubbed is withheld: of such an entry only its frame is kept.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import re2
from msgspec import Raw, json

from foundation.numbers import shorten
from privacy.changing import Change, Orders
from privacy.detectors import Kind
from privacy.effort import MOST_IN_A_MOMENT, MOST_OF_A_BATCH, MOST_OF_AN_ENTRY, Effort, TooMuch
from privacy.expressions import Expression
from privacy.finder import finder
from privacy.gathering import UNTOUCHED
from privacy.own_rules import OwnFinder
from privacy.paths import Paths
from privacy.plain_lines import scrub_plain
from privacy.rules import Action, Rules

#: How an entry is counted of which nothing but its frame is kept, and what that says.
WITHHELD = "withheld"
WITHHELD_MESSAGE = "[withheld: could not be scrubbed]"
#: A scrubbed entry is at most so many times as large, and so many bytes more.
MOST_GROWTH, MOST_GROWTH_BYTES = 2, 1_024

#: Nothing else that a hint looks for ends so.
_ENDS_OF_NAMES = (b":", b"=", b",", b"]", b"}", b" ")
#: One object for the many organisations whose rules are the same.
_own_finder, _paths = lru_cache(1_024)(OwnFinder), lru_cache(1_024)(Paths)
_decode = json.Decoder(float_hook=lambda text: Raw(text.encode())).decode
_encode = json.Encoder().encode


@dataclass(frozen=True, kw_only=True, slots=True)
class Findings:
    """In how many entries each detector has changed something, or found something that was left."""

    changed: Mapping[str, int] = field(default_factory=dict)
    reported: Mapping[str, int] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.changed or self.reported)


NOTHING = Findings()


def in_all(findings: Iterable[Findings]) -> Findings:
    """Return the sum."""
    found = [one for one in findings if one]
    changed, reported = Counter[str](), Counter[str]()
    for one in found:
        changed.update(one.changed)
        reported.update(one.reported)
    return Findings(changed=changed, reported=reported) if found else NOTHING


@dataclass(frozen=True, kw_only=True, slots=True)
class Scrubbed:
    """A batch's NDJSON, and what was found in it."""

    payload: bytes
    findings: Findings = NOTHING


class Scrubber:
    """The rules of an organisation, made ready for work."""

    __slots__ = ("_further_hint", "_has_no_own", "_hint", "_private", "_usual", "rules")

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self._usual = self._orders(rules.actions)
        self._private = self._orders(rules.actions_of_private)
        self._hint = self._usual.finder.hint
        self._further_hint = self._further()
        self._has_no_own = not (rules.own or rules.safe_fields or rules.sensitive_fields)

    def scrub(self, payload: bytes, *, at_most: int = MOST_OF_A_BATCH) -> Scrubbed:
        """Scrub canonical entries, one a line, and look closer at so many places. The lines keep their order."""
        suspects = () if self.rules.do_nothing else list(self._suspects(payload))
        if not suspects:
            return Scrubbed(payload=payload)
        pieces: list[bytes] = []
        changed, reported = Counter[str](), Counter[str]()
        at, left = 0, at_most
        for start, end, is_named in suspects:
            effort = Effort(min(left, MOST_OF_AN_ENTRY))
            left -= effort.left
            line, changes = self.scrub_line(payload[start:end], effort, is_named=is_named)
            left += effort.left
            for detector, is_real in {(change.detector, change.is_real) for change in changes}:
                (changed if is_real else reported)[detector] += 1
            if line is not None:
                pieces += [payload[at:start], line]
                at = end
        if not changed and not reported:
            return Scrubbed(payload=payload)
        payload = b"".join([*pieces, payload[at:]])
        return Scrubbed(payload=payload, findings=Findings(changed=changed, reported=reported))

    def scrub_line(
        self, line: bytes, effort: Effort | None = None, *, is_named: bool = False
    ) -> tuple[bytes | None, list[Change]]:
        """Scrub an entry, and say what was found; None when it stays as it is. What fails is withheld.

        `is_named`: a secret's name was seen in it, so that it takes a closer look.
        """
        effort = effort or Effort()
        try:
            if self._has_no_own and not is_named and (plain := scrub_plain(line, self._usual, effort)):
                return plain
            return self._scrub_decoded(line, effort)
        except Exception:  # whatever it is, a bug of ours too: what was not looked at is not kept
            return self._frame_of(line), [Change((), WITHHELD, Action.MASK, True)]

    def hashed(self, text: str, *, field: str = "") -> str | None:
        """Return how a text is kept, in this field of the metadata or as a message, if it is found by its hashes."""
        if Action.HASH not in self.rules.actions.values():
            return None
        entry: dict[str, Any] = {"metadata": {field: text}} if field else {"message": text}
        changes = self._usual.scrub(entry, Effort())
        if not changes or any(change.action != Action.HASH for change in changes):
            return None
        kept = next(iter(entry["metadata"].values())) if field else entry["message"]
        return str(kept)

    def scrub_text(self, text: str) -> tuple[str, list[Change]]:
        """Scrub a text as if it were a message."""
        entry = {"message": text}
        changes = [] if self.rules.do_nothing else self._usual.scrub(entry, Effort())
        return entry["message"], changes

    def _orders(self, actions: Mapping[Kind, Action]) -> Orders:
        return Orders(
            rules=self.rules,
            actions=self.rules.by_detector(actions),
            finder=finder(with_network=actions[Kind.NETWORK] != Action.KEEP),
            own=_own_finder(self.rules.own if actions[Kind.OWN] != Action.KEEP else ()),
            safe=_paths(self.rules.safe_fields),
            sensitive=_paths(self.rules.sensitive_fields if actions[Kind.OWN] != Action.KEEP else ()),
        )

    def _further(self) -> Expression | None:
        """Return what finds the lines that an organisation's own rules may change; "" finds all."""
        own, sensitive = self._usual.own, self._usual.sensitive
        if not own and not sensitive:
            return None
        if own.hints is None or sensitive.last_names is None:
            return Expression("", is_text=True)
        names = [rf"{re2.escape(_encode(name).decode())}:" for name in sensitive.last_names]
        return Expression("|".join([*(own.hints if own else ()), *names]), is_text=True)

    def _suspects(self, payload: bytes) -> Iterator[tuple[int, int, bool]]:
        """Yield where the lines are that something may be found in."""
        if self._further_hint is None:
            return _lines_with(self._hint, payload)
        lines = {line[:2] for hint in (self._hint, self._further_hint) for line in _lines_with(hint, payload)}
        return ((start, end, False) for start, end in sorted(lines))

    def _scrub_decoded(self, line: bytes, effort: Effort) -> tuple[bytes | None, list[Change]]:
        entry: dict[str, Any] = _decode(line)
        orders = self._private if entry.get("privacy_mode") is True else self._usual
        changes = orders.scrub(entry, effort)
        if not any(change.is_real for change in changes):
            return None, changes
        scrubbed = shorten(_encode(entry))
        if len(scrubbed) > MOST_GROWTH * len(line) + MOST_GROWTH_BYTES:
            raise TooMuch
        return scrubbed, changes

    def _frame_of(self, line: bytes) -> bytes:
        """Return what says of an entry when it came and where it belongs, without anything that was written in it."""
        entry = _decode(line)
        frame = {name: value for name, value in entry.items() if name in UNTOUCHED or name == "message"}
        return _encode(frame | {"message": WITHHELD_MESSAGE})


class QuickScrubber:
    """A scrubber for who must not be held up: what is not scrubbed in a moment is left to the other."""

    def __init__(self, scrubber: Scrubber) -> None:
        self._scrubber = scrubber

    def scrub(self, payload: bytes) -> Scrubbed:
        """Scrub canonical entries as `Scrubber` does. Raises: `TooMuch`."""
        scrubbed = self._scrubber.scrub(payload, at_most=MOST_IN_A_MOMENT)
        if WITHHELD in scrubbed.findings.changed:
            raise TooMuch
        return scrubbed


def _lines_with(hint: Expression, payload: bytes) -> Iterator[tuple[int, int, bool]]:
    """Yield the lines that the hint fits, and whether it ends as that of a secret's name does."""
    at = 0
    while at < len(payload) and (span := hint.span(payload, at)):
        start = payload.rfind(b"\n", 0, max(span[1] - 1, at)) + 1
        end = payload.find(b"\n", start)
        end = len(payload) if end < 0 else end
        yield start, end, payload[span[1] - 1 : span[1]] in _ENDS_OF_NAMES
        at = end + 1
