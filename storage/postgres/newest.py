"""What the newest entries of a search hold, in PostgreSQL: values of fields, and messages."""

from collections.abc import Sequence

from storage.aggregates import Field, FieldValues, Said, Values
from storage.postgres.fields import NOTHING, apart, columns, legible, raw, read
from storage.postgres.finding import found_by, page_cost_of
from storage.postgres.reads import reading
from storage.search import Search, received_from
from storage.wall import ENTRIES

NEWEST = """
WITH newest AS MATERIALIZED (
    SELECT {fields}
      FROM (SELECT {columns} FROM {entries} WHERE {where} ORDER BY timestamp DESC LIMIT %s) AS whole)
SELECT -1, NULL::text, count(*), NULL::bigint, NULL::bigint FROM newest
"""
#: A field's most frequent values: each with its entries, how many values there are, and how many entries have none.
OF_FIELD = f"""
 UNION ALL
(SELECT {{number}}, value::text, entries, told_apart, without
   FROM (SELECT value, sum(entries)::bigint AS entries,
                count(*) FILTER (WHERE value <> {NOTHING}) OVER () AS told_apart,
                coalesce(max(sum(entries)) FILTER (WHERE value = {NOTHING}) OVER (), 0)::bigint AS without
           FROM (SELECT {{values}} AS value, entries
                   FROM (SELECT {{legible}} AS field, entries
                           FROM (SELECT field_{{number}}, count(*) AS entries FROM newest GROUP BY 1) AS seen
                        ) AS legible
                ) AS apart
          GROUP BY value) AS valued
  WHERE value <> {NOTHING} ORDER BY entries DESC, value::text COLLATE "C" LIMIT %s)
"""  # noqa: S608 - constants
MESSAGES = """
SELECT id, timestamp, level, left(message, %s) FROM {entries} WHERE {where} ORDER BY timestamp DESC LIMIT %s
"""


def values(search: Search, fields: Sequence[Field], *, among: int, most: int, seconds: float) -> Values:
    """Count the values of fields in the newest `among` entries; see `storage.store.EntryReader`."""
    raws, where = [raw(field) for field in fields], found_by(search, received_from=received_from(search.start))
    sql = NEWEST.format(
        fields=", ".join(f"{one.sql} AS field_{number}" for number, one in enumerate(raws)),
        columns=columns(fields),
        entries=ENTRIES,
        where=where.sql,
    ) + "".join(_of_field(number, field) for number, field in enumerate(fields))
    parameters = [*(one for piece in (*raws, where) for one in piece.parameters), among, *[most] * len(raws)]
    with reading(search.organisation_id, seconds=seconds) as reader:
        rows = reader.rows(sql, parameters, page_cost=page_cost_of(search))
    entries = next(count for number, _, count, *_ in rows if number < 0)
    return Values(entries, entries < among, [_values(rows, number, entries) for number in range(len(fields))])


def messages(search: Search, *, among: int, most_characters: int, seconds: float) -> list[Said]:
    """Return what the newest `among` entries say; see `storage.store.EntryReader`."""
    where = found_by(search, received_from=received_from(search.start))
    with reading(search.organisation_id, seconds=seconds) as reader:
        rows = reader.rows(
            MESSAGES.format(entries=ENTRIES, where=where.sql),
            [most_characters, *where.parameters, among],
            page_cost=page_cost_of(search),
        )
    return [Said(*row) for row in rows]


def _of_field(number: int, field: Field) -> str:
    return OF_FIELD.format(number=number, legible=legible(field, f"field_{number}"), values=apart("field"))


def _values(rows: Sequence[tuple[int, str, int, int, int]], number: int, entries: int) -> FieldValues:
    own = [row for row in rows if row[0] == number]
    if not own:
        return FieldValues(0, 0, [])
    _, _, _, distinct, without = own[0]
    return FieldValues(entries - without, distinct, [(read(value), count) for _, value, count, *_ in own])
