"""What a model answers, checked: only texts, bounded, and only references to evidence that there is. Pure.

It is shown as plain text. What it says was perhaps said to it by a line of a log.
"""

import re
from collections.abc import Collection
from dataclasses import asdict, dataclass

from msgspec import DecodeError, Struct, ValidationError, json

MOST_CHARACTERS, MOST_ITEMS, MOST_OF_ID = 2_000, 10, 60
CONFIDENCES = ("low", "medium", "high")
#: What turns the text around it, or cannot be seen.
_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
_FENCED = re.compile(r"\s*```(?:json)?\s*(\{.*\})\s*```\s*", re.DOTALL)


class NotValid(Exception):
    """It is no answer as it was asked for."""


class _Claimed(Struct):
    summary: str
    probable_cause: str
    evidence_ids: list[str]
    next_checks: list[str]
    confidence: str | float


@dataclass(frozen=True, slots=True)
class Suggestion:
    """What a model suggests. `unknown_ids` are references to nothing; without any other it is not from the evidence."""

    summary: str
    probable_cause: str
    evidence_ids: list[str]
    unknown_ids: list[str]
    next_checks: list[str]
    confidence: str

    @property
    def is_from_evidence(self) -> bool:
        """Whether it refers to any piece of the evidence."""
        return bool(self.evidence_ids)


def read(text: str, *, known_ids: Collection[str]) -> Suggestion:
    """Return what a model suggests. Raises: `NotValid`."""
    fenced = _FENCED.fullmatch(text)
    try:
        claimed = json.decode(fenced[1] if fenced else text, type=_Claimed)
    except (DecodeError, ValidationError, RecursionError) as error:
        raise NotValid from error
    summary, cause = _clean(claimed.summary), _clean(claimed.probable_cause)
    if not summary or not cause:
        raise NotValid
    ids = list(dict.fromkeys(_clean(one)[:MOST_OF_ID] for one in claimed.evidence_ids))[: 5 * MOST_ITEMS]
    return Suggestion(
        summary=summary,
        probable_cause=cause,
        evidence_ids=[one for one in ids if one in known_ids],
        unknown_ids=[one for one in ids if one not in known_ids][:MOST_ITEMS],
        next_checks=[one for one in map(_clean, claimed.next_checks[:MOST_ITEMS]) if one],
        confidence=_confidence(claimed.confidence),
    )


def kept(suggestion: Suggestion) -> str:
    """Return a suggestion as it is kept."""
    return json.encode(asdict(suggestion)).decode()


def again(document: str) -> Suggestion:
    """Return a suggestion that was kept."""
    return Suggestion(**json.decode(document))


def _clean(text: str) -> str:
    return _UNSEEN.sub("", text[: 2 * MOST_CHARACTERS]).strip()[:MOST_CHARACTERS]


def _confidence(said: str | float) -> str:
    if isinstance(said, float | int):
        return CONFIDENCES[min(2, int(3 * said))] if 0 <= said <= 1 else CONFIDENCES[0]
    return said.lower() if said.lower() in CONFIDENCES else CONFIDENCES[0]
