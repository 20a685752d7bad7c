"""Rollups: how many entries came in each minute, and happened in each minute; in PostgreSQL whatever the store.

They are written in the transaction that writes the receipts, so that they say what those say. A day of receipt of an
organisation is counted from its rollups only where a row of `RollupDay` vouches for it (`storage_visible_rolled_day`);
all else is counted from entries, which is slow and never wrong.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from foundation import statements, sweeping
from foundation.postgres import current_day, execute, execute_prepared, fetch_all, stream
from foundation.sweeping import some_of
from storage.receipts import IS_FORGOTTEN, IS_ROLLED_UP, WITH_ERASED
from storage.tally import Tally

#: Of each organisation and day of receipt.
MOST_PAIRS, MOST_EVENT_MINUTES = 200, 20_000
#: What came in more (project, environment) pairs than that is counted under this name.
OTHERS = "…"
#: `storage_minute` is kept for so long, whatever a plan keeps: it holds numbers only.
KEPT_DAYS = 32

#: Takes the days whose rollups change, in order, before anything of them is looked at: who comes later waits, and then
#: sees in a snapshot of its own what the one before has written. A row that is there is locked and not rewritten.
HOLD = """
INSERT INTO storage_rollup_day AS rolled (organisation_id, day)
SELECT * FROM unnest(%s::bigint[], %s::date[]) AS held(organisation_id, day) ORDER BY 1, 2
    ON CONFLICT (organisation_id, day) DO UPDATE SET event_minutes = rolled.event_minutes WHERE false
"""
ADD = statements.read(
    __file__, "add_to_rollups", most_pairs=MOST_PAIRS, most_event_minutes=MOST_EVENT_MINUTES, others=OTHERS
)
COLUMNS = ("organisation_ids", "received", "minutes", "levels", "projects", "environments", "entries")
TELL_NO_MORE = """
UPDATE storage_rollup_day AS rolled SET event_minutes = NULL
  FROM unnest(%s::bigint[], %s::date[]) AS held(organisation_id, day)
 WHERE rolled.organisation_id = held.organisation_id AND rolled.day = held.day
"""
#: In the order in which a drain takes them.
DISTRUST = """
WITH held AS MATERIALIZED (
    SELECT organisation_id, day FROM storage_rollup_day
     WHERE day < %(before)s AND event_minutes IS NOT NULL
       AND organisation_id = coalesce(%(organisation_id)s, organisation_id)
     ORDER BY organisation_id, day FOR UPDATE)
UPDATE storage_rollup_day AS rolled SET event_minutes = NULL FROM held
 WHERE rolled.organisation_id = held.organisation_id AND rolled.day = held.day
"""
#: Rows that nobody reads and no drain adds to.
SWEEP_EVENT_MINUTES = """
DELETE FROM storage_event_minute
 WHERE ctid = ANY (ARRAY(
       SELECT event.ctid
         FROM storage_rollup_day AS rolled JOIN storage_event_minute AS event USING (organisation_id, day)
        WHERE rolled.event_minutes IS NULL LIMIT %s FOR UPDATE OF event SKIP LOCKED))
"""
SWEEP_MINUTES = some_of("storage_minute", f"minute < date_trunc('day', now(), 'UTC') - interval '{KEPT_DAYS} days'")
SWEEP_DAYS = some_of(
    "storage_rollup_day", f"event_minutes IS NULL AND day < (now() AT TIME ZONE 'UTC')::date - {KEPT_DAYS}"
)
#: Of these the days that there are: a day that is gone tells nothing, and is not to begin anew.
HOLD_THOSE_THERE = """
SELECT rolled.organisation_id, rolled.day
  FROM storage_rollup_day AS rolled JOIN unnest(%s::bigint[], %s::date[]) AS held(organisation_id, day)
       USING (organisation_id, day)
 ORDER BY 1, 2 FOR UPDATE OF rolled
"""
DROP_EMPTY_MINUTES = """
DELETE FROM storage_minute
 WHERE (organisation_id, minute) IN (SELECT * FROM unnest(%s::bigint[], %s::timestamptz[])) AND entries <= 0
"""
#: A minute of events that has none left is counted no more.
DROP_EMPTY_EVENT_MINUTES = """
WITH gone AS (
    DELETE FROM storage_event_minute AS event
     USING unnest(%s::bigint[], %s::date[]) AS held(organisation_id, day)
     WHERE event.organisation_id = held.organisation_id AND event.day = held.day
       AND event.minute = ANY (%s::timestamptz[]) AND entries <= 0
    RETURNING event.organisation_id, event.day)
UPDATE storage_rollup_day AS rolled SET event_minutes = event_minutes - gone.minutes
  FROM (SELECT organisation_id, day, count(*) AS minutes FROM gone GROUP BY 1, 2) AS gone
 WHERE rolled.organisation_id = gone.organisation_id AND rolled.day = gone.day
"""
#: Names are clients' words: a pair that nothing is counted for is forgotten. Where all places were taken once, some of
#: the pair's may be counted among others.
FORGET_PAIRS = f"""
UPDATE storage_rollup_day AS rolled
   SET (projects, environments) = (
       SELECT coalesce(array_agg(project ORDER BY number), '{{}}'),
              coalesce(array_agg(environment ORDER BY number), '{{}}')
         FROM unnest(projects, environments) WITH ORDINALITY AS pair(project, environment, number)
        WHERE EXISTS (SELECT FROM storage_minute AS kept
                       WHERE kept.organisation_id = rolled.organisation_id
                         AND kept.minute >= rolled.day::timestamp AT TIME ZONE 'UTC'
                         AND kept.minute < (rolled.day + 1)::timestamp AT TIME ZONE 'UTC'
                         AND kept.project = pair.project AND kept.environment = pair.environment))
  FROM unnest(%s::bigint[], %s::date[]) AS held(organisation_id, day)
 WHERE rolled.organisation_id = held.organisation_id AND rolled.day = held.day
   AND cardinality(projects) < {MOST_PAIRS}
"""  # noqa: S608 - constants
DAYS = "SELECT DISTINCT day FROM storage_rollup_day"
#: What the rollups of a day say beside what its receipts say; where they are the same there is no row.
UNEQUAL_EVENTS = f"""
SELECT rolled.organisation_id, 'events received on ' || rolled.day, coalesce(receipts.entries, 0),
       coalesce(events.entries, 0)
  FROM storage_rollup_day AS rolled
  LEFT JOIN (SELECT organisation_id, sum(entries)::bigint AS entries, count(*) AS minutes FROM storage_event_minute
              WHERE day = %(day)s GROUP BY 1) AS events USING (organisation_id)
  LEFT JOIN (SELECT organisation_id, sum(receipt.entries - erased.entries)::bigint AS entries
               FROM storage_receipt AS receipt LEFT JOIN storage_retention AS retention USING (organisation_id)
                    {WITH_ERASED}
              WHERE received_at >= %(start)s AND received_at < %(end)s AND {IS_ROLLED_UP}
              GROUP BY 1) AS receipts USING (organisation_id)
 WHERE rolled.day = %(day)s AND rolled.event_minutes IS NOT NULL
   AND (coalesce(events.entries, 0), coalesce(events.minutes, 0))
       IS DISTINCT FROM (coalesce(receipts.entries, 0), rolled.event_minutes)
 ORDER BY 1
"""  # noqa: S608 - constants
UNEQUAL_MINUTES = f"""
SELECT organisation_id, to_char(minute AT TIME ZONE 'UTC', '"minute" YYYY-MM-DD HH24:MI"Z"'),
       coalesce(receipts.entries, 0), coalesce(rolled.entries, 0)
  FROM (SELECT organisation_id, date_trunc('minute', received_at) AS minute,
               sum(receipt.entries - erased.entries) FILTER (WHERE {IS_ROLLED_UP})::bigint AS entries,
               bool_or({IS_FORGOTTEN}) AS is_forgotten
          FROM storage_receipt AS receipt LEFT JOIN storage_retention AS retention USING (organisation_id)
               {WITH_ERASED}
         WHERE received_at >= %(start)s AND received_at < %(end)s
         GROUP BY 1, 2) AS receipts
  FULL JOIN (SELECT organisation_id, minute, sum(entries)::bigint AS entries FROM storage_minute
              WHERE minute >= %(start)s AND minute < %(end)s GROUP BY 1, 2) AS rolled USING (organisation_id, minute)
 WHERE coalesce(receipts.entries, 0) <> coalesce(rolled.entries, 0) AND is_forgotten IS NOT TRUE
 ORDER BY organisation_id, minute
"""  # noqa: S608 - constants


@dataclass(frozen=True, slots=True)
class Unequal:
    """A minute of receipt, or a day by minutes of events, whose rollup is not the sum of its receipts."""

    organisation_id: int
    subject: str
    receipts: int
    rolled_up: int


def write(tally: Tally, *, not_told: Collection[tuple[int, date]] = ()) -> None:
    """Add what was stored, and certified, in the caller's transaction; as the last that it waits for: see HOLD.

    Of the days `not_told`, each with its organisation, the rollups do not tell all. Counts are negative where entries
    were taken back.
    """
    days = sorted({*tally.days(), *not_told})
    if days:
        execute_prepared(HOLD, [list(column) for column in zip(*days, strict=True)])
    if not_told:
        execute(TELL_NO_MORE, [list(column) for column in zip(*not_told, strict=True)])
    if tally.counts:
        execute_prepared(ADD, dict(zip(COLUMNS, map(list, zip(*tally.rows(), strict=True)), strict=True)))


def correct(tally: Tally) -> None:
    """Add signed counts to what `write` has added, in the caller's transaction and as its last; what is empty goes."""
    days = tally.days()
    if not days:
        return
    there = fetch_all(HOLD_THOSE_THERE, [list(column) for column in zip(*days, strict=True)])
    rows = list(tally.on(there).rows())
    if not rows:
        return
    execute_prepared(ADD, dict(zip(COLUMNS, map(list, zip(*rows, strict=True)), strict=True)))
    organisations, minutes, event_minutes = (list(column) for column in zip(*(row[:3] for row in rows), strict=True))
    held = [list(column) for column in zip(*there, strict=True)]
    execute(DROP_EMPTY_EVENT_MINUTES, [*held, event_minutes])
    if execute(DROP_EMPTY_MINUTES, [organisations, minutes]):
        execute(FORGET_PAIRS, held)


def distrust(*, before: date, organisation_id: int | None = None) -> None:
    """Give up the minutes of events of days, by default of everybody, whose entries go; `sweep` deletes them."""
    execute(DISTRUST, {"before": before, "organisation_id": organisation_id})


def sweep() -> None:
    """Delete what nobody reads any more: rows of days that are not trusted, and what is older than `KEPT_DAYS`.

    See `foundation.sweeping`.
    """
    sweeping.sweep((SWEEP_EVENT_MINUTES, SWEEP_MINUTES, SWEEP_DAYS))


def days() -> list[date]:
    """Return the days of receipt that have rollups."""
    return [day for (day,) in fetch_all(DAYS)]


def unequal(day: date) -> Iterator[Unequal]:
    """Yield where the rollups of `day` and its receipts differ. In the caller's transaction, in bounded memory."""
    start = datetime.combine(day, time.min, UTC)
    parameters = {"day": day, "start": start, "end": start + timedelta(days=1)}
    yield from (Unequal(*row) for row in stream(UNEQUAL_EVENTS, parameters))
    if day > current_day() - timedelta(days=KEPT_DAYS):
        yield from (Unequal(*row) for row in stream(UNEQUAL_MINUTES, parameters))
