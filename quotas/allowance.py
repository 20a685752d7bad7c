"""What a public key may send a day: charged with each of its batches in the transaction that keeps it, and provable."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, date
from typing import Any

from accounts.caller import Caller
from accounts.fragments import API_KEYS, PUBLIC_KEYS
from foundation.postgres import execute, fetch_all, fetch_one
from foundation.refusals import Refusal

#: A public key that says nothing else may send this part of its organisation's month in a day: 2 %.
DAYS_TO_SPEND_A_MONTH = 50

ALLOWANCE = f"""
SELECT coalesce(%(daily_bytes)s::bigint, monthly_bytes / {DAYS_TO_SPEND_A_MONTH}) AS most_bytes,
       (now() AT TIME ZONE 'UTC')::date AS today
  FROM quotas_limits WHERE organisation_id = %(organisation_id)s
"""  # noqa: S608 - constants only
#: One row a key, begun anew each UTC day. As in the ledger, PostgreSQL reads the row again after it has waited for it;
#: a transaction that began before midnight and comes after one of the new day is charged to that.
CHARGE = f"""
WITH allowance AS ({ALLOWANCE})
INSERT INTO quotas_dailyusage AS usage (api_key_id, day, used_bytes)
SELECT %(api_key_id)s, today, %(size_bytes)s::bigint FROM allowance WHERE %(size_bytes)s::bigint <= most_bytes
    ON CONFLICT (api_key_id) DO UPDATE
   SET day = greatest(usage.day, excluded.day),
       used_bytes = excluded.used_bytes + CASE WHEN usage.day >= excluded.day THEN usage.used_bytes ELSE 0 END,
       is_provable = usage.is_provable OR usage.day < excluded.day
 WHERE excluded.used_bytes + CASE WHEN usage.day >= excluded.day THEN usage.used_bytes ELSE 0 END
       <= (SELECT most_bytes FROM allowance)
RETURNING used_bytes
"""  # noqa: S608 - constants only
BALANCE = f"""
WITH allowance AS ({ALLOWANCE})
SELECT most_bytes, coalesce(usage.used_bytes, 0), (today + 1)::timestamp AT TIME ZONE 'UTC',
       ceil(extract(epoch FROM (today + 1)::timestamp AT TIME ZONE 'UTC' - now()))::int
  FROM allowance LEFT JOIN quotas_dailyusage AS usage ON usage.api_key_id = %(api_key_id)s AND usage.day >= today
"""  # noqa: S608 - constants only


#: A day that begins so cannot be proven: what is received anew on it was charged to another.
RECEIVED_ANEW = f"""
INSERT INTO quotas_dailyusage AS usage (api_key_id, day, used_bytes, is_provable)
SELECT api_key_id, (now() AT TIME ZONE 'UTC')::date, 0, false
  FROM ({PUBLIC_KEYS}) AS public WHERE api_key_id = ANY (%s) ORDER BY api_key_id
    ON CONFLICT (api_key_id) DO UPDATE
   SET day = greatest(usage.day, excluded.day), is_provable = false,
       used_bytes = CASE WHEN usage.day >= excluded.day THEN usage.used_bytes ELSE 0 END
"""  # noqa: S608 - constants only
SPENT = f"""
SELECT api_key_id, organisation_id, day, used_bytes
  FROM quotas_dailyusage JOIN ({API_KEYS}) AS api_key USING (api_key_id) WHERE is_provable ORDER BY day, api_key_id
"""  # noqa: S608 - constants only


@dataclass(frozen=True, slots=True)
class Spent:
    """What a public key was charged on its last day."""

    api_key_id: int
    organisation_id: int
    day: date
    used_bytes: int


def charge(caller: Caller, *, size_bytes: int) -> None:
    """Charge a public key's day, in the caller's transaction. Raises: `Refusal` `allowance_exhausted`."""
    asked = {
        "api_key_id": caller.api_key_id,
        "organisation_id": caller.organisation_id,
        "daily_bytes": caller.daily_bytes,
        "size_bytes": size_bytes,
    }
    if not fetch_one(CHARGE, asked):
        raise _exhausted(fetch_one(BALANCE, asked))


def received_anew(api_key_ids: Collection[int]) -> None:
    """Note that batches of these keys are received today without being charged. Joins the caller's transaction."""
    execute(RECEIVED_ANEW, [list(api_key_ids)])


def spent() -> list[Spent]:
    """Return the days of public keys that can be proven, by day."""
    return [Spent(*row) for row in fetch_all(SPENT)]


def _exhausted(balance: tuple[Any, ...] | None) -> Refusal:
    if balance is None:
        raise LookupError("The organisation has no plan: see quotas.plans.subscribe.")
    most_bytes, used_bytes, ends_at, seconds_left = balance
    return Refusal(
        "allowance_exhausted",
        f"This API key may send {most_bytes} bytes a day, which leaves no room for this batch: {used_bytes} are used.",
        retry_after_seconds=max(1, seconds_left),
        members={
            "scope": "api_key",
            "limit": most_bytes,
            "used": used_bytes,
            "resets_at": ends_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        },
    )
