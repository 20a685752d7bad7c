"""A drift as its incident keeps it, and in words: pure."""

from collections.abc import Mapping
from typing import Any

from storage.fields.drifts import Drifted

ARTICLES = {
    "string": "a text", "number": "a number", "boolean": "true or false", "array": "a list", "object": "an object",
}  # fmt: skip


def value_of(one: Drifted) -> str:
    """Return what an incident of it is of: the field, and the project."""
    return f"{one.path} in {one.project}" if one.project else one.path


def details_of(one: Drifted, *, release: str) -> dict[str, Any]:
    """Return what its incident keeps of it."""
    return {
        "field": one.path,
        "what": one.what,
        "was": one.was or None,
        "is": one.became or None,
        "project": one.project,
        "environment": one.environment,
        "release": release,
        "entry_id": str(one.entry_id),
    }


def words(details: Mapping[str, Any]) -> str:
    """Return what drifted, in words: "a text, no longer a number"."""
    if details["what"] == "missing":
        return "missing"
    return f"{ARTICLES.get(details['is'], 'of another type')}, no longer {ARTICLES.get(details['was'], 'what it was')}"
