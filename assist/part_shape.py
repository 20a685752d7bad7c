"""What parts of the evidence are made of, in the API's shape."""

from typing import Any

from msgspec import json

from assist.difference import Finding
from assist.facts import shown
from explore.shape import as_text
from issues import circumstances
from issues.circumstances import Beginning, Relative
from storage.found import FoundEntry

Part = dict[str, Any]

MOST_OF_LINE = 500


def cut(text: str) -> str:
    """Return the beginning of a text that takes no more than twice `MOST_OF_LINE` bytes as JSON."""
    short = text[:MOST_OF_LINE]
    return short if len(json.encode(short)) <= 2 * MOST_OF_LINE else short[: MOST_OF_LINE // 4]


def nothing(note: str) -> Part:
    """Return a part that has nothing to say."""
    return {"status": "nothing", "note": note}


def told(note: str | None = None, **members: Any) -> Part:
    """Return a part that says something."""
    return {"status": "ok", "note": note, **members}


def finding(one: Finding) -> dict[str, Any]:
    """Return what failing entries say more often than others, and how much."""
    return {
        "name": one.name,
        "value": None if one.value is None else shown(one.value),
        "failing": one.failing,
        "others": one.others,
        "share_percent": round(100 * one.share, 1),
        "share_of_others_percent": round(100 * one.share_of_others, 1),
        "chance": float(f"{one.chance:.1e}"),
    }


def line(one: FoundEntry, of: FoundEntry) -> dict[str, Any]:
    """Return an entry as a line beside another one."""
    return {
        "entry": str(one.id),
        "at": as_text(one.timestamp),
        "seconds": round((one.timestamp - of.timestamp).total_seconds(), 3),
        "level": one.level.label,
        "project": one.project,
        "message": cut(one.message),
    }


def beginning(one: Beginning) -> dict[str, Any]:
    """Return what began when."""
    return {"what": one.what, "group": one.number, "title": cut(one.title), "at": as_text(one.at)}


def relative(one: Relative) -> dict[str, Any]:
    """Return a group that is like another one, and why it is."""
    why = [
        name
        for name, is_so in (
            ("differs in words only", one.differs_in_words_only),
            ("similar title", one.similarity >= circumstances.ALIKE),
            ("same type", one.is_of_same_type),
        )
        if is_so
    ]
    return {
        "number": one.number,
        "title": cut(one.title),
        "culprit": cut(one.culprit) or None,
        "state": one.state,
        "why": why,
        "last_seen": as_text(one.last_seen) if one.last_seen else None,
    }


def percent(part: int, of: int) -> float | None:
    """Return a share in percent; None of nothing."""
    return round(100 * part / of, 1) if of else None
