"""A body of `_bulk` → entries, and an item for each of its actions. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from msgspec import DecodeError, json

from foundation.refusals import FieldError, Refusal
from ingest.agents import MAX_ENTRIES, Draft, too_many
from ingest.fields import entry_of
from ingest.objects import lines_of, object_of
from storage.entry import Entry

#: Blank lines cost time too.
MAX_LINES = 4 * MAX_ENTRIES
MAX_ACTION_BYTES = 64 * 2**10
MOST_REMEMBERED = 1_024
MAX_NAME_BYTES = 512
VERBS = ("create", "index", "update", "delete")
RESULTS = {
    "create": ("created", 201),
    "index": ("created", 201),
    "update": ("updated", 200),
    "delete": ("not_found", 404),
}
NO_ACTION = FieldError(pointer="", code="malformed_json", detail="is no action with a document")

_decode = json.Decoder().decode


@dataclass(slots=True)
class Items:
    """What is answered of each action."""

    answers: list[bytes] = field(default_factory=list)
    has_errors: bool = False


@dataclass(frozen=True, slots=True)
class _Action:
    verb: str
    index: str
    done: bytes  # its item, when it was done
    id: str = ""

    def failed(self, reason: str) -> bytes:
        """Return its item when it was not done: a status by which agents drop it, and do not try for ever."""
        error = {"type": "document_parsing_exception", "reason": reason}
        return json.encode({self.verb: {"_index": self.index, "_id": self.id, "status": 400, "error": error}})


def drafts_of(text: bytes, *, index: str, now: datetime, items: Items) -> Iterator[Draft]:
    """Yield the documents as entries, and note an item for each action. Raises: `Refusal`."""
    lines = lines_of(text, at_most=MAX_LINES)
    known: dict[bytes, _Action] = {}
    for line in lines:
        action = known.get(line)
        if action is None:
            action = _action(line, index)
            if len(known) < MOST_REMEMBERED and len(line) < MAX_NAME_BYTES:
                known[line] = action
        if len(items.answers) >= MAX_ENTRIES:
            raise too_many()
        if action.verb == "delete":
            items.answers.append(action.done)
            continue
        document = next(lines, None)
        found = _document(document, action, now) if action.done else NO_ACTION
        if isinstance(found, FieldError):
            items.has_errors = True
            items.answers.append(action.failed(f"The document {found.detail}."))
            yield replace(found, pointer=f"/{len(items.answers) - 1}")
            continue
        items.answers.append(action.done)
        yield found
    if not items.answers:
        raise Refusal("empty_batch", "The request body is required, and holds actions and documents.")


def _action(line: bytes, index: str) -> _Action:
    """Return the action that a line is; one without an item of success when it is none."""
    broken = _Action("index", index, b"")
    if len(line) > MAX_ACTION_BYTES:
        return broken
    try:
        given = _decode(line)
    except (DecodeError, RecursionError):
        return broken
    verb = next((verb for verb in VERBS if verb in given), None) if isinstance(given, dict) else None
    if verb is None:
        return broken
    target = given[verb] if isinstance(given[verb], dict) else {}
    name, document_id = (_name(target.get(one)) for one in ("_index", "_id"))
    result, status = RESULTS[verb]
    item = {"_index": name or index, "_id": document_id, "_version": 1, "result": result, "status": status}
    return _Action(verb, name or index, json.encode({verb: item}), document_id)


def _name(value: Any) -> str:
    return value[:MAX_NAME_BYTES] if isinstance(value, str) else ""


def _document(line: bytes | None, action: _Action, now: datetime) -> Draft:
    if line is None:
        return FieldError(pointer="", code="field_required", detail="is missing")
    found = object_of(line, now=now)
    if isinstance(found, dict) and action.verb == "update":
        inner = next((found[name] for name in ("doc", "upsert") if isinstance(found.get(name), dict)), None)
        if inner is None:
            return FieldError(pointer="", code="field_required", detail="has neither doc nor upsert")
        found = inner
    entry = entry_of(found, now=now) if isinstance(found, dict) else found
    if isinstance(entry, Entry) and action.index and not action.index.startswith("logs"):
        metadata = entry.metadata or {}
        metadata["_index"] = action.index
        entry.metadata = metadata
    return entry
