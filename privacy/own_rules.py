"""An organisation's own expressions: RE2's, so linear, and bounded in number, length and size. Pure."""

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

import re2

from privacy.expressions import Expression
from privacy.finder import Find
from privacy.replacements import end_of
from privacy.rules import OwnRule

MOST_RULES = 20
MOST_CHARACTERS = 200
#: RE2's instructions: what a byte of a text may cost at worst.
MOST_INSTRUCTIONS = 500
NAME = re.compile(r"[a-z][a-z0-9_]{0,23}")
#: What means something else in JSON than in the text: such rules look at every entry.
_OUT_OF_PLACE = re.compile(r"""["\\/]|\$|(?<!\[)\^""")
_ESCAPES_OF_CLASSES = re.compile(r"\\[bBdDsSwW.+*?(){}\[\]|-]|\\[pP]\{?\w+\}?")


class BadRule(ValueError):
    """What is wrong with a rule, for whoever wrote it."""


def check(rule: OwnRule) -> None:
    """Raise `BadRule` unless the rule can be used."""
    if not NAME.fullmatch(rule.name):
        raise BadRule("A name is at most 24 small letters, digits and _, and begins with a letter.")
    if not rule.pattern or len(rule.pattern) > MOST_CHARACTERS:
        raise BadRule(f"An expression has 1 to {MOST_CHARACTERS} characters.")
    try:
        expression = _compiled(rule.pattern)
    except re2.error as error:
        raise BadRule(f"RE2 cannot read this expression: {_said(error)}") from error
    if expression.instructions > MOST_INSTRUCTIONS:
        raise BadRule("This expression is too costly: it repeats too much.")
    if expression.fits(b"") or expression.fits(b" "):
        raise BadRule("This expression fits an empty text or a blank: it would fit everywhere.")


class OwnFinder:
    """What an organisation's own rules find in a text; false without any."""

    def __init__(self, rules: Sequence[OwnRule]) -> None:
        self._rules = [(rule.detector, _compiled(rule.pattern)) for rule in rules]
        can_hint = all(_means_the_same_in_json(rule.pattern) for rule in rules)
        #: Expressions of which one finds something in the JSON of every entry in which a rule does; None: nobody knows.
        self.hints = [r"\\", *(f"(?:{rule.pattern})" for rule in rules)] if can_hint else None

    def __bool__(self) -> bool:
        return bool(self._rules)

    def finds(self, text: bytes) -> Iterable[Find]:
        """Yield what is found in a text, by place; where two rules meet, the one that begins first has it."""
        found = sorted(self._all(text), key=lambda find: (find.start, -find.end))
        at = 0
        for find in found:
            if find.start >= at:
                yield find
                at = find.end

    def _all(self, text: bytes) -> Iterator[Find]:
        for detector, expression in self._rules:
            at = 0
            while (span := expression.span(text, at)) and span[1] > at:
                past = end_of(text, span[0])
                if past is None and span[0] < span[1]:
                    yield Find(*span, detector, text[slice(*span)])
                at = past or span[1]


@lru_cache(1_024)
def _compiled(pattern: str) -> Expression:
    return Expression(pattern, is_text=True)


def _means_the_same_in_json(pattern: str) -> bool:
    return not _OUT_OF_PLACE.search(_ESCAPES_OF_CLASSES.sub("", pattern)) and "(?" not in pattern.replace("(?:", "")


def _said(error: re2.error) -> str:
    said = error.args[0] if error.args else ""
    return said.decode(errors="replace") if isinstance(said, bytes) else str(said)
