"""The byte quota, exact in the transaction that accepts a batch; and the hourly rows of what became of requests."""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import NamedTuple

from django.db import connection

from accounts.fragments import API_KEYS
from foundation.expiring import Expiring
from foundation.postgres import fetch_all, fetch_one, stream
from foundation.refusals import Refusal
from quotas import lending

#: Charges `size_bytes` and `entries` to this month's row; no row comes back when that would exceed the limit. What is
#: lent to edges is theirs to charge; at an edge it is less than nothing, and the limit is 0: see `borrowing`.
#: PostgreSQL re-reads the row after a lock wait (READ COMMITTED), so two requests can never both take the last byte.
CHARGE = """
UPDATE quotas_monthlyusage AS usage
   SET used_bytes = usage.used_bytes + %(size_bytes)s, entries = usage.entries + %(entries)s
  FROM quotas_limits AS limits
 WHERE usage.organisation_id = %(organisation_id)s
   AND usage.period = date_trunc('month', now() AT TIME ZONE 'UTC')::date
   AND limits.organisation_id = usage.organisation_id
   AND usage.used_bytes + usage.lent_bytes + %(size_bytes)s <= limits.monthly_bytes
RETURNING usage.organisation_id, usage.period, usage.used_bytes
"""

#: The same, but a row that somebody else holds is not waited for: none comes back either.
CHARGE_IF_FREE = """
UPDATE quotas_monthlyusage AS usage
   SET used_bytes = usage.used_bytes + %(size_bytes)s, entries = usage.entries + %(entries)s
  FROM quotas_limits AS limits,
       (SELECT organisation_id, period FROM quotas_monthlyusage
         WHERE organisation_id = %(organisation_id)s
           AND period = date_trunc('month', now() AT TIME ZONE 'UTC')::date
           FOR UPDATE SKIP LOCKED) AS held
 WHERE usage.organisation_id = held.organisation_id AND usage.period = held.period
   AND limits.organisation_id = %(organisation_id)s
   AND usage.used_bytes + usage.lent_bytes + %(size_bytes)s <= limits.monthly_bytes
RETURNING usage.organisation_id, usage.period"""

#: Pieces of a statement that charges several organisations at once. `asked` is what for: organisation_id, entries,
#: size_bytes. The rows of `held` are taken before anything is written, and in the same order by everybody, so that two
#: such statements never wait for each other crosswise; with SKIP LOCKED behind it, for none at all.
HOLD = """
SELECT organisation_id, period FROM quotas_monthlyusage
 WHERE organisation_id IN (SELECT organisation_id FROM asked)
   AND period = date_trunc('month', now() AT TIME ZONE 'UTC')::date
 ORDER BY organisation_id
   FOR UPDATE"""
CHARGE_HELD = """
UPDATE quotas_monthlyusage AS usage
   SET used_bytes = usage.used_bytes + asked.size_bytes, entries = usage.entries + asked.entries
  FROM held JOIN asked USING (organisation_id) JOIN quotas_limits AS limits USING (organisation_id)
 WHERE usage.organisation_id = held.organisation_id AND usage.period = held.period
   AND usage.used_bytes + usage.lent_bytes + asked.size_bytes <= limits.monthly_bytes
RETURNING usage.organisation_id, usage.period
"""

OPEN_MONTH = """
INSERT INTO quotas_monthlyusage (organisation_id, period, used_bytes, entries)
VALUES (%s, date_trunc('month', now() AT TIME ZONE 'UTC')::date, 0, 0)
    ON CONFLICT (organisation_id, period) DO NOTHING
"""

BALANCE = """
SELECT limits.monthly_bytes, coalesce(usage.used_bytes, 0), coalesce(usage.entries, 0), month.began, month.ends,
       ceil(extract(epoch FROM month.ends - now()))::int, coalesce(usage.lent_bytes, 0)
  FROM quotas_limits AS limits
 CROSS JOIN LATERAL (
       SELECT date_trunc('month', now(), 'UTC') AS began,
              (date_trunc('month', now() AT TIME ZONE 'UTC') + interval '1 month') AT TIME ZONE 'UTC' AS ends
       ) AS month
  LEFT JOIN quotas_monthlyusage AS usage
         ON usage.organisation_id = limits.organisation_id
        AND usage.period = (month.began AT TIME ZONE 'UTC')::date
 WHERE limits.organisation_id = %s
"""

#: Sorted, so that two transactions never wait for each other's rows crosswise; a deleted key takes its rows with it.
COUNT = f"""
INSERT INTO quotas_hourlyusage AS usage (organisation_id, hour, api_key_id, outcome, requests, entries, bytes)
SELECT row.organisation_id, date_trunc('hour', row.hour, 'UTC'), row.api_key_id, row.outcome,
       sum(row.requests), sum(row.entries), sum(row.bytes)
  FROM unnest(%s::timestamptz[], %s::bigint[], %s::bigint[], %s::text[], %s::bigint[], %s::bigint[], %s::bigint[])
       AS row(hour, organisation_id, api_key_id, outcome, requests, entries, bytes)
  JOIN ({API_KEYS}) AS api_key USING (api_key_id, organisation_id)
 GROUP BY 1, 2, 3, 4
 ORDER BY 1, 2, 3, 4
    ON CONFLICT (organisation_id, hour, api_key_id, outcome) DO UPDATE
   SET requests = usage.requests + excluded.requests,
       entries = usage.entries + excluded.entries,
       bytes = usage.bytes + excluded.bytes
"""  # noqa: S608 - constants only

#: For how long a balance that had no room stands for itself; a quota that is raised has room after that.
REFUSAL_SECONDS = 0.1

SECONDS_LEFT = """
SELECT ceil(extract(epoch FROM (date_trunc('month', now() AT TIME ZONE 'UTC') + interval '1 month') AT TIME ZONE 'UTC'
                               - now()))
"""

#: Within so many seconds edges give back what they have not spent.
RECALL_SECONDS = 5
LENT = "What is left of the monthly quota is lent to edges, and was called back. Retry."

CHARGED = "SELECT organisation_id, period, entries, used_bytes FROM quotas_monthlyusage ORDER BY 1, 2"


@dataclass(frozen=True, slots=True)
class Amount:
    """Entries and bytes of an organisation's month: what was charged for it, or what some place keeps of it."""

    organisation_id: int
    period: date
    entries: int
    size_bytes: int


class UsageRow(NamedTuple):
    """What is to be added to one `HourlyUsage`; `hour` is any moment in the hour."""

    hour: datetime
    organisation_id: int
    api_key_id: int
    outcome: str
    requests: int
    entries: int
    bytes: int


class Balance(NamedTuple):
    """An organisation's byte quota this month, by PostgreSQL's clock."""

    limit_bytes: int
    used_bytes: int
    entries: int
    began_at: datetime
    ends_at: datetime
    seconds_left: int
    lent_bytes: int = 0


_exhausted: Expiring[int, Balance] = Expiring(capacity=10_000)


def open_month(organisation_id: int) -> None:
    """Make this month's row of an organisation, unless it is there."""
    fetch_one(OPEN_MONTH, [organisation_id])


def balance(organisation_id: int) -> Balance:
    """Return what an organisation has used this month, and of how much. Raises: `LookupError` without a plan."""
    row = fetch_one(BALANCE, [organisation_id])
    if row is None:
        raise LookupError(f"Organisation {organisation_id} has no plan: see quotas.plans.subscribe.")
    return Balance(*row)


def seconds_left() -> int:
    """Return for how many seconds this month lasts."""
    [(seconds,)] = fetch_all(SECONDS_LEFT)
    return int(seconds)


def charged() -> Iterator[Amount]:
    """Yield what was charged, by organisation and month. In the caller's transaction, in bounded memory."""
    return (Amount(*row) for row in stream(CHARGED))


def exhausted(organisation_id: int) -> Refusal:
    """Return the refusal of a batch that the month's quota has no room for. What edges hold unspent is called back."""
    now = balance(organisation_id)
    if now.lent_bytes and not lending.call_back(organisation_id):
        now = now._replace(used_bytes=now.used_bytes + now.lent_bytes, lent_bytes=0)  # with edges that are away
    _exhausted.put(organisation_id, now, until=time.monotonic() + REFUSAL_SECONDS)
    return _refusal(now)


def has_no_room(organisation_id: int, size_bytes: int) -> bool:
    """Tell whether a quota is known to be too full for so much. Within a month its use only grows, but for what
    edges give back; asks nobody."""
    now = _exhausted.get(organisation_id)
    return now is not None and now.used_bytes + now.lent_bytes + size_bytes > now.limit_bytes


def remembered_refusal(organisation_id: int) -> Refusal | None:
    """Return `exhausted` as this process has said it a moment ago, if it has."""
    now = _exhausted.get(organisation_id)
    return _refusal(now) if now else None


def _refusal(now: Balance) -> Refusal:
    if now.lent_bytes:
        return Refusal("overloaded", LENT, retry_after_seconds=RECALL_SECONDS)
    return Refusal(
        "quota_exhausted",
        f"The monthly quota of {now.limit_bytes} bytes has no room for this batch: {now.used_bytes} bytes are used.",
        retry_after_seconds=max(1, now.seconds_left),
        members={
            "scope": "organisation",
            "limit": now.limit_bytes,
            "used": now.used_bytes,
            "resets_at": now.ends_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        },
    )


def count(rows: Iterable[UsageRow]) -> None:
    """Add `rows` to the hourly usage, in the caller's transaction."""
    columns = list(zip(*rows, strict=True))
    if columns:
        with connection.cursor() as cursor:
            cursor.execute(COUNT, [list(column) for column in columns])
