"""How many entries of batches that are new fulfil conditions: each entry is visited once for all of them."""

from collections.abc import Sequence

from storage.arrivals import Arrival, FoundOf
from storage.batch import ENTRIES_A_BATCH
from storage.conditions import Condition, Document, Either, Equals, Every, Exists, Mentions, Unless, Words
from storage.postgres.errors import answering
from storage.postgres.predicates import HELD, compile_condition, of_organisation
from storage.wall import ALIAS, ENTRIES, behind

#: Of an entry, what conditions ask for; PostgreSQL makes of these only what is asked for, and once for all of them.
ASKED = f"""{HELD} AS held,
 timestamp, level, project, environment, message, trace_id, span_id, parent_span_id, metadata, error,
 error_key, edge, metadata_value, error_value, words"""
# By the primary key, a batch at a time: the LIMIT, which no batch reaches, keeps PostgreSQL from any other way.
FOUND = f"""
SELECT arrived.batch_id, project, environment, {{counts}}
  FROM unnest(%s::bigint[], %s::timestamptz[]) AS arrived(batch_id, at)
 CROSS JOIN LATERAL (
       SELECT {ASKED} FROM {ENTRIES}
        WHERE {{own}} AND received_at = arrived.at
          AND id >= arrived.batch_id * {ENTRIES_A_BATCH} AND id < (arrived.batch_id + 1) * {ENTRIES_A_BATCH}
        LIMIT {ENTRIES_A_BATCH}) AS entry
 GROUP BY 1, 2, 3
"""  # noqa: S608 - constants


def found_in(arrivals: Sequence[Arrival], conditions: Sequence[Condition], *, seconds: float) -> list[FoundOf]:
    """See `EntryReader.found_in`. Whoever follows what arrives is one reader: it takes no place."""
    if not arrivals or not conditions:
        return []
    owner = arrivals[0].organisation_id
    own, compiled = of_organisation(owner), [compile_condition(_cheap_first(condition)) for condition in conditions]
    counts = ", ".join(f"count(*) FILTER (WHERE {one.sql.replace(HELD, 'held')})" for one in compiled)
    parameters = [
        *(parameter for one in compiled for parameter in one.parameters),
        [arrival.batch_id for arrival in arrivals],
        [arrival.received_at for arrival in arrivals],
        *own.parameters,
    ]
    with answering(owner), behind([owner], using=ALIAS) as cursor:
        cursor.execute("SELECT set_config('statement_timeout', %s, true)", [str(max(1, round(seconds * 1000)))])
        cursor.execute(FOUND.format(counts=counts, own=own.sql), parameters)
        return [
            FoundOf(batch_id, project, environment, tuple(found))
            for batch_id, project, environment, *found in cursor.fetchall()
            if any(found)
        ]


def _cheap_first(condition: Condition) -> Condition:
    """Return the same, with what is dear asked last: here PostgreSQL keeps the order that is written."""
    match condition:
        case Every():
            return Every(tuple(sorted(map(_cheap_first, condition.of), key=_dearness)))
        case Either():
            return Either(tuple(map(_cheap_first, condition.of)))
        case Unless():
            return Unless(_cheap_first(condition.condition))
        case _:
            return condition


def _dearness(condition: Condition) -> int:
    match condition:
        case Every() | Either():
            return max(map(_dearness, condition.of), default=0)
        case Unless():
            return _dearness(condition.condition)
        case Words() | Mentions():
            return 2
        case Document():
            return 1 if isinstance(condition.test, (Equals, Exists)) else 3
        case _:
            return 0
