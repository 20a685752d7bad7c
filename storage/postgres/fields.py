"""Fields of entries as SQL: what stands there, as JSON's text, and the values of that.

Text first, because reading a document takes many times as long as looking into its text, and most entries share what
they hold. Documents are compact JSON without a member twice, as `msgspec` writes it; those that PostgreSQL wrote, with
a blank behind each sign, are read.
"""

import re
from collections.abc import Iterable

import msgspec

from foundation.numbers import shorten
from storage.aggregates import CUT, MOST_CHARACTERS, Column, Field, Member, Value
from storage.postgres.narrowing import escaped
from storage.postgres.predicate import Predicate, joined
from storage.postgres.predicates import paths_of

#: No value: a row of SQL that can be joined.
NOTHING = "'null'::jsonb"
SCALARS = "('string', 'number', 'boolean')"
#: A member of the document itself, with as few looks at its text as can be: what follows the name behind a comma where
#: no other object has begun (nor can a text end like that), or behind the document's brace. By its first sign a text
#: ends with its quotation mark, a number or constant with a comma; of anything else the document is read.
VALUE = r"""CASE ascii({value}){otherwise}
 WHEN 34 THEN CASE WHEN {is_own} AND strpos(split_part({value}, '"', 2), '\') = 0
 THEN '"' || split_part({value}, '"', 2) || '"' ELSE {whole} END
 WHEN 32 THEN {whole} WHEN 91 THEN {whole} WHEN 123 THEN {whole}
 ELSE CASE WHEN {is_own} THEN rtrim(split_part({value}, ',', 1), '}}') ELSE {whole} END END"""
WHOLE = "([column]::jsonb -> [key])::text"
FIRST_MEMBER = VALUE.format(
    value="split_part([column], [first], 2)", is_own="TRUE", whole=WHOLE, otherwise=f"\n WHEN 0 THEN {WHOLE}"
)
OWN_MEMBER = VALUE.format(
    value="split_part([column], [later], 2)",
    is_own="strpos(substr(split_part([column], [later], 1), 2), '{') = 0",
    whole=WHOLE,
    otherwise=f"""
 WHEN 0 THEN CASE WHEN starts_with([column], [first]) THEN {FIRST_MEMBER}
 WHEN strpos([column], [name]) > 0 THEN {WHOLE} END""",
)
#: What OWN_MEMBER asks for by name.
_PLACE = re.compile(r"\[(first|later|name|key)\]")
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
    """Return what stands at a field: a column's value, or JSON's text of a scalar or a list of all that may be values.

    NULL where there is nothing; `legible` reads it.
    """
    if len(field) == 1:
        return _single(field[0])
    lists = joined(" || ", map(_list, field))
    return Predicate(f"({lists.sql})::text", lists.parameters)


def legible(field: Field, column: str) -> str:
    """Return as JSON what `raw` has returned of a field, in a column."""
    value = f"to_jsonb({column})" if _is_column(field) else f"{column}::jsonb"
    return f"coalesce({value}, {NOTHING})"


def apart(column: str) -> str:
    """Return the set of the values of a column of what `legible` returns: at most `MOST_CHARACTERS` of each text."""
    return APART.format(raw=column)


def read(text: str | None) -> Value:
    """Return a value that PostgreSQL has written."""
    value: Value = None if text is None else msgspec.json.decode(shorten(text.encode()))
    return value


def columns(fields: Iterable[Field]) -> str:
    """Return the columns that fields stand in."""
    named = [source.document if isinstance(source, Member) else source.name for one in fields for source in one]
    return ", ".join(dict.fromkeys(named)) or "level"


def _is_column(field: Field) -> bool:
    return len(field) == 1 and isinstance(field[0], Column)


def _single(source: Column | Member) -> Predicate:
    if isinstance(source, Column):
        return Predicate(source.name)
    if "." in source.name:
        found = _list(source)
        return Predicate(f"({found.sql})::text", found.parameters)
    name = _written(source.name)
    places = {"first": "{" + name, "later": "," + name, "name": name, "key": source.name}
    sql = OWN_MEMBER.replace("[column]", source.document)
    return Predicate(_PLACE.sub("%s", sql), tuple(places[place] for place in _PLACE.findall(sql)))


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
