"""The most frequent values of fields, for whoever narrows a search: of all that is found, or of the newest."""

from typing import Any

from explore.aggregates import LEVEL, as_number
from explore.fields import field_of
from explore.parameters import Parameters
from explore.syntax import QueryError
from foundation.levels import Level
from foundation.refusals import Refusal
from storage.aggregates import Field, Value
from storage.search import Search
from storage.store import store

MOST_FIELDS = 12
#: So many entries, the newest, are counted at most; so are all of most searches.
AMONG = 50_000
SECONDS = 5.0


def read_names(parameters: Parameters) -> list[str]:
    """Return the names of the fields that are asked for. Raises: `Refusal`."""
    names = list(dict.fromkeys(parameters.texts("field")))
    if not 1 <= len(names) <= MOST_FIELDS:
        raise Refusal("invalid_parameter", f"field must be given, up to {MOST_FIELDS} times.")
    return names


def top_values(search: Search, names: list[str], *, limit: int) -> dict[str, Any]:
    """Return the `limit` most frequent values of each field. Raises: `Refusal`."""
    fields = read_fields(names)
    found = store().reader.values(search, fields, among=AMONG, most=limit, seconds=SECONDS)
    return {
        "entries": found.entries,
        "exact": found.is_all,
        "fields": [
            {
                "name": name,
                "entries": one.entries,
                "distinct": one.distinct,
                "values": [{"value": shown(value, field), "count": count} for value, count in one.values],
            }
            for name, field, one in zip(names, fields, found.fields, strict=True)
        ],
    }


def read_fields(names: list[str]) -> list[Field]:
    """Return the fields with these names. Raises: `Refusal`."""
    try:
        return [field_of(name) for name in names]
    except QueryError as error:
        raise Refusal("invalid_parameter", f"field: {error.message}") from error


def shown(value: Value, field: Field) -> Any:
    """Return a value of a field as JSON is to write it."""
    return Level(int(str(value))).label if field == LEVEL else as_number(value)
