"""Fields of entries as SQL: what stands there, as JSON's text, and the values of that.

Text first, because reading a document takes many times as long as looking into its text, and most entries share what
they hold. Documents are compact JSON without a member twice, as `msgspec` writes it; those that PostgreSQL wrote, with
a blank behind each sign, are read.
"""

from collections.abc import Iterable
from typing import Any

import msgspec

from foundation.numbers import shorten
from storage.aggregates import CUT, MOST_CHARACTERS, Column, Field, Member, Value
from storage.postgres.narrowing import escaped
from storage.postgres.predicate import Predicate, joined
from storage.postgres.predicates import paths_of

#: No value: a row of SQL that can be joined.
NOTHING = "'null'::jsonb"
SCALARS = "('string', 'number', 'boolean')"
#: The value of a member of the document itself: what follows its name where no other object has begun, and no text with
#: an escaped quotation mark ends like it. Behind the name a number or constant ends with a comma, a text with its
#: quotation mark; of anything else the document is read.
OWN_MEMBER = r"""CASE WHEN split_part({column}, %s, 2) = '' THEN NULL
 WHEN strpos(substr(split_part({column}, %s, 1), 2), '{{') > 0
   OR right(split_part({column}, %s, 1), 1) NOT IN ('{{', ',') THEN ({column}::jsonb -> %s)::text
 WHEN ascii(split_part({column}, %s, 2)) IN (45, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 102, 110, 116)
 THEN rtrim(split_part(split_part({column}, %s, 2), ',', 1), '}}')
 WHEN left(split_part({column}, %s, 2), 1) = '"' AND strpos(split_part(split_part({column}, %s, 2), '"', 2), '\') = 0
 THEN '"' || split_part(split_part({column}, %s, 2), '"', 2) || '"'
 ELSE ({column}::jsonb -> %s)::text END"""
#: What a path leads to; the document is read only if it names the path's end.
LED_TO = "CASE WHEN strpos({column}, %s) > 0 THEN jsonb_path_query_array({column}::jsonb, %s::jsonpath) END"
#: Equal numbers are written alike.
SHOWN = f"""CASE jsonb_typeof({{value}})
 WHEN 'number' THEN to_jsonb(trim_scale(({{value}})::numeric))
 WHEN 'string' THEN CASE WHEN length({{value}} #>> ARRAY[]::text[]) > {MOST_CHARACTERS}
 THEN to_jsonb(left({{value}} #>> ARRAY[]::text[], {MOST_CHARACTERS}) || '{CUT}') ELSE {{value}} END
 ELSE {{value}} END"""
#: A row for each value, without equal ones; one of nothing where there is none.
APART = f"""unnest(CASE WHEN jsonb_typeof({{raw}}) IN {SCALARS} THEN ARRAY[{SHOWN.format(value="{raw}")}]
 WHEN jsonb_typeof({{raw}}) = 'array' THEN coalesce(nullif(ARRAY(
 SELECT DISTINCT {SHOWN.format(value="element.value")} FROM jsonb_array_elements({{raw}}) AS element
  WHERE jsonb_typeof(element.value) IN {SCALARS}), ARRAY[]::jsonb[]), ARRAY[{NOTHING}])
 ELSE ARRAY[{NOTHING}] END)"""  # noqa: S608 - constants


def raw(field: Field) -> Predicate:
    """Return what stands at a field, as JSON's text: a scalar, a list of all that may be values, or NULL."""
    if len(field) == 1:
        return _single(field[0])
    lists = joined(" || ", map(_list, field))
    return Predicate(f"({lists.sql})::text", lists.parameters)


def apart(column: str) -> str:
    """Return the set of the values of a column of what `raw` returns, read: at most `MOST_CHARACTERS` of each text."""
    return APART.format(raw=column)


def read(text: str | None) -> Value:
    """Return a value that PostgreSQL has written."""
    value: Value = None if text is None else msgspec.json.decode(shorten(text.encode()))
    return value


def columns(fields: Iterable[Field]) -> str:
    """Return the columns that fields stand in."""
    named = [source.document if isinstance(source, Member) else source.name for one in fields for source in one]
    return ", ".join(dict.fromkeys(named)) or "level"


def _single(source: Column | Member) -> Predicate:
    if isinstance(source, Column):
        return Predicate(f"to_json({source.name})::text")
    if "." in source.name:
        found = _list(source)
        return Predicate(f"({found.sql})::text", found.parameters)
    name = _written(source.name)
    names: tuple[Any, ...] = (name, name, name, source.name, *[name] * 5, source.name)
    return Predicate(OWN_MEMBER.format(column=source.document), names)


def _list(source: Column | Member) -> Predicate:
    if isinstance(source, Column):
        return Predicate(f"jsonb_build_array({source.name})")
    led_to = LED_TO.format(column=source.document)
    found = [
        Predicate(f"coalesce({led_to}, '[]'::jsonb)", (_written(key), f"{path}[*]"))
        for path, key in zip(paths_of(source.name), _last_keys(source.name), strict=True)
    ]
    return joined(" || ", found)


def _written(key: str) -> str:
    return f'"{escaped(key)}":'


def _last_keys(name: str) -> list[str]:
    """Return the last key of each path of `paths_of`."""
    first, *others = name.split(".")
    keys = [first]
    for part in others:
        keys = [key for so_far in keys for key in (part, f"{so_far}.{part}")]
    return keys
