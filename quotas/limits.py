"""The limits in force of an organisation, from a process cache, so that a request costs no query."""

from collections.abc import Collection
from dataclasses import dataclass

from foundation.postgres import answered_in_time, array_of, discard_if_dead, fetch_binary
from foundation.read_ahead import ReadAhead

#: How old limits may be when a request is let through; a cut acts after that. See `throttling` for a raise.
MAX_AGE_SECONDS = 5.0
#: The limits of an organisation that sends are read again in the last seconds of these, with others'.
AHEAD_SECONDS = 2.0

#: A piece of SQL for other rooms: `organisation_id`, `retention_days` of every organisation.
RETENTION = "SELECT organisation_id, retention_days FROM quotas_limits"
#: As a piece of SQL, too: with `recording_days`, for which recordings of errors outlive that; 0, none is made.
RECORDING = "SELECT organisation_id, retention_days, recording_days FROM quotas_limits"
IN_FORCE = """
SELECT organisation_id, plan, requests_per_minute, burst_requests, monthly_bytes, retention_days
  FROM quotas_limits WHERE organisation_id = ANY (%s::bigint[])
"""


@dataclass(frozen=True, slots=True)
class Limits:
    """What an organisation may send now: its plan's limits, or its own overrides of them."""

    plan: str
    requests_per_minute: int
    burst: int
    monthly_bytes: int
    retention_days: int


def limits_for(organisation_id: int, *, max_age_seconds: float = MAX_AGE_SECONDS) -> Limits:
    """Return limits read at most `max_age_seconds` ago. Raises: `LookupError` without a plan."""
    limits = remembered(organisation_id, max_age_seconds=max_age_seconds) or _known.read(organisation_id)
    if limits is None:
        raise LookupError(f"Organisation {organisation_id} has no plan: see quotas.plans.subscribe.")
    return limits


def remembered(organisation_id: int, *, max_age_seconds: float = MAX_AGE_SECONDS) -> Limits | None:
    """Return limits read at most `max_age_seconds` ago, if this process has; asks nobody."""
    return _known.recall(organisation_id, most_seconds=max_age_seconds)


def forget(organisation_id: int | None = None) -> None:
    """Forget what this process knows of one organisation's limits, or of all."""
    if organisation_id is None:
        _known.clear()
    else:
        _known.forget(organisation_id)


def _read(organisation_ids: Collection[int]) -> dict[int, Limits]:
    discard_if_dead()
    with answered_in_time():
        rows = fetch_binary(IN_FORCE, [array_of(organisation_ids)])
    return {organisation_id: Limits(*row) for organisation_id, *row in rows}


_known: ReadAhead[int, Limits] = ReadAhead(_read, most_seconds=MAX_AGE_SECONDS, ahead_seconds=AHEAD_SECONDS)
