"""The limits in force of an organisation, from a process cache, so that a request costs no query."""

import time
from dataclasses import dataclass

from foundation.expiring import Expiring
from foundation.postgres import discard_if_dead, fetch_one

#: How old limits may be when a request is let through; a cut acts after that. See `throttling` for a raise.
MAX_AGE_SECONDS = 5.0
MAX_CACHED = 10_000

#: A piece of SQL for other rooms: `organisation_id`, `retention_days` of every organisation.
RETENTION = "SELECT organisation_id, retention_days FROM quotas_limits"
IN_FORCE = """
SELECT plan, requests_per_minute, burst_requests, monthly_bytes, retention_days
  FROM quotas_limits WHERE organisation_id = %s
"""


@dataclass(frozen=True, slots=True)
class Limits:
    """What an organisation may send now: its plan's limits, or its own overrides of them."""

    plan: str
    requests_per_minute: int
    burst: int
    monthly_bytes: int
    retention_days: int


_known: Expiring[int, tuple[float, Limits]] = Expiring(capacity=MAX_CACHED)


def limits_for(organisation_id: int, *, max_age_seconds: float = MAX_AGE_SECONDS) -> Limits:
    """Return limits read at most `max_age_seconds` ago. Raises: `LookupError` without a plan."""
    if limits := remembered(organisation_id, max_age_seconds=max_age_seconds):
        return limits
    now = time.monotonic()
    discard_if_dead()
    row = fetch_one(IN_FORCE, [organisation_id])
    if row is None:
        raise LookupError(f"Organisation {organisation_id} has no plan: see quotas.plans.subscribe.")
    limits = Limits(*row)
    _known.put(organisation_id, (now, limits), until=now + MAX_AGE_SECONDS)
    return limits


def remembered(organisation_id: int, *, max_age_seconds: float = MAX_AGE_SECONDS) -> Limits | None:
    """Return limits read at most `max_age_seconds` ago, if this process has; asks nobody."""
    cached = _known.get(organisation_id)
    return cached[1] if cached and time.monotonic() - cached[0] < max_age_seconds else None


def forget(organisation_id: int | None = None) -> None:
    """Forget what this process knows of one organisation's limits, or of all."""
    if organisation_id is None:
        _known.clear()
    else:
        _known.forget(organisation_id)
