"""Bytes of a month's quota that are lent to edges: asked for, given back, called back, settled by what is forwarded.

An edge tells totals that only grow, what it wants to have been lent and what it has given back, so that a request that
comes twice, late or in another order changes nothing. `used + lent <= limit` holds at every moment.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from django.db import transaction

from foundation.postgres import current_time, execute, fetch_all, fetch_one
from quotas.agreement import Ask, Month, Totals, agreed

#: The next month is lent from so long before this one ends.
AHEAD = timedelta(hours=1)
#: An edge that was not heard for so long is away: nobody waits for what it holds.
AWAY_AFTER_SECONDS = 30
#: For so long edges are told to give back what was called for.
CALLED_SECONDS = 10

#: In the ledger's order of locks: all months first, sorted.
HOLD_MONTHS = """
WITH wanted AS (
    SELECT * FROM unnest(%(organisation_ids)s::bigint[], %(periods)s::date[]) AS wanted(organisation_id, period))
SELECT usage.organisation_id, usage.period, usage.used_bytes, usage.lent_bytes,
       coalesce(usage.called_back_at > now() - make_interval(secs => %(called_seconds)s), false)
  FROM quotas_monthlyusage AS usage JOIN wanted USING (organisation_id, period)
 ORDER BY 1, 2 FOR UPDATE OF usage
"""
OPEN_MONTHS = """
INSERT INTO quotas_monthlyusage (organisation_id, period, used_bytes, entries)
SELECT DISTINCT organisation_id, period, 0, 0
  FROM unnest(%(organisation_ids)s::bigint[], %(periods)s::date[]) AS wanted(organisation_id, period) ORDER BY 1, 2
    ON CONFLICT (organisation_id, period) DO NOTHING
"""
LIMITS = "SELECT organisation_id, monthly_bytes FROM quotas_limits WHERE organisation_id = ANY (%s)"
LOANS = """
SELECT organisation_id, period, lent_bytes, returned_bytes, settled_bytes
  FROM quotas_loan WHERE edge_id = %(edge_id)s AND organisation_id = ANY (%(organisation_ids)s::bigint[])
"""
WRITE_LOAN = """
INSERT INTO quotas_loan AS loan (edge_id, organisation_id, period, lent_bytes, returned_bytes)
VALUES (%(edge_id)s, %(organisation_id)s, %(period)s, %(lent_bytes)s, %(returned_bytes)s)
    ON CONFLICT (edge_id, organisation_id, period) DO UPDATE
   SET lent_bytes = excluded.lent_bytes, returned_bytes = excluded.returned_bytes, heard_at = now()
"""
SET_LENT = "UPDATE quotas_monthlyusage SET lent_bytes = %s WHERE organisation_id = %s AND period = %s"
CALL_BACK = """
UPDATE quotas_monthlyusage SET called_back_at = now()
 WHERE organisation_id = %(organisation_id)s AND period = date_trunc('month', now() AT TIME ZONE 'UTC')::date
   AND (called_back_at IS NULL OR called_back_at < now() - interval '1 second' OR called_back_at > now())
"""
#: Whether an edge other than this one, that was heard lately, holds unspent bytes.
IS_HELD_ELSEWHERE = """
SELECT EXISTS (SELECT FROM quotas_loan
                WHERE organisation_id = %(organisation_id)s
                  AND period = coalesce(%(period)s, date_trunc('month', now() AT TIME ZONE 'UTC')::date)
                  AND edge_id <> %(edge_id)s AND lent_bytes > returned_bytes + settled_bytes
                  AND heard_at > now() - make_interval(secs => %(away_seconds)s))
"""
#: Charges what was forwarded, whatever the limit: it was answered 200. Of what was lent no more goes than there is.
SETTLE_LOANS = """
INSERT INTO quotas_loan AS loan (edge_id, organisation_id, period, short_bytes)
SELECT %(edge_id)s, organisation_id, period, size_bytes
  FROM unnest(%(organisation_ids)s::bigint[], %(periods)s::date[], %(sizes_bytes)s::bigint[])
       AS forwarded(organisation_id, period, size_bytes) ORDER BY organisation_id, period
    ON CONFLICT (edge_id, organisation_id, period) DO UPDATE
   SET settled_bytes = loan.settled_bytes
                     + least(excluded.short_bytes, loan.lent_bytes - loan.returned_bytes - loan.settled_bytes),
       short_bytes = loan.short_bytes
                   + greatest(0, excluded.short_bytes - (loan.lent_bytes - loan.returned_bytes - loan.settled_bytes)),
       heard_at = now()
"""
CHARGE = """
UPDATE quotas_monthlyusage AS usage
   SET used_bytes = usage.used_bytes + forwarded.size_bytes, entries = usage.entries + forwarded.entries,
       lent_bytes = (SELECT coalesce(sum(lent_bytes - returned_bytes - settled_bytes), 0) FROM quotas_loan AS loan
                      WHERE loan.organisation_id = usage.organisation_id AND loan.period = usage.period)
  FROM unnest(%(organisation_ids)s::bigint[], %(periods)s::date[], %(sizes_bytes)s::bigint[], %(entries)s::bigint[])
       AS forwarded(organisation_id, period, size_bytes, entries)
 WHERE usage.organisation_id = forwarded.organisation_id AND usage.period = forwarded.period
"""
MONTHS_OF_EDGE = """
SELECT organisation_id, period FROM quotas_loan
 WHERE edge_id = %s AND lent_bytes > returned_bytes + settled_bytes ORDER BY 1, 2
"""
END = """
UPDATE quotas_loan SET returned_bytes = lent_bytes - settled_bytes
 WHERE edge_id = %s AND lent_bytes > returned_bytes + settled_bytes
"""
RECOUNT = """
UPDATE quotas_monthlyusage AS usage
   SET lent_bytes = (SELECT coalesce(sum(lent_bytes - returned_bytes - settled_bytes), 0) FROM quotas_loan AS loan
                      WHERE loan.organisation_id = usage.organisation_id AND loan.period = usage.period)
  FROM unnest(%(organisation_ids)s::bigint[], %(periods)s::date[]) AS wanted(organisation_id, period)
 WHERE usage.organisation_id = wanted.organisation_id AND usage.period = wanted.period
"""
FORGET = """
DELETE FROM quotas_loan
 WHERE period < (now() - interval '13 months')::date AND lent_bytes = returned_bytes + settled_bytes AND short_bytes = 0
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """How the loan stands, and of how much. `may_come_back` when others hold what is missing; `is_called_back` when
    others miss what this edge holds unspent."""

    organisation_id: int
    period: date
    lent_bytes: int
    returned_bytes: int
    limit_bytes: int
    used_bytes: int
    may_come_back: bool = False
    is_called_back: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Forwarded:
    """What an edge has forwarded of an organisation's month."""

    organisation_id: int
    period: date
    entries: int
    size_bytes: int


def lend(edge_id: int, asks: Sequence[Ask], *, may_borrow: Mapping[int, bool]) -> list[Answer]:
    """Agree on loans, all in one transaction; return how each stands. What is asked of strangers is left out.

    `may_borrow` has the organisations that there are, and whether this edge may have more of them.
    """
    with transaction.atomic():
        open_periods, loans = _periods(), _loans(edge_id, asks)
        known = {_month_of(ask): ask for ask in asks if ask.organisation_id in may_borrow}
        asks = [ask for month, ask in sorted(known.items()) if ask.period in open_periods or month in loans]
        months = _held(asks)
        loans = _loans(edge_id, asks)  # once more, now that nobody else can change them
        return [
            _lent(
                edge_id,
                ask if may_borrow[ask.organisation_id] and ask.period in open_periods else _only_returning(ask),
                months[_month_of(ask)],
                loans.get(_month_of(ask), Totals()),
            )
            for ask in asks
        ]


def settle(edge_id: int, forwarded: Sequence[Forwarded]) -> None:
    """Charge what an edge has forwarded, and take it off its loans. In the caller's transaction."""
    ordered = sorted(forwarded, key=lambda one: (one.organisation_id, one.period))
    columns = {
        "edge_id": edge_id,
        "organisation_ids": [one.organisation_id for one in ordered],
        "periods": [one.period for one in ordered],
        "sizes_bytes": [one.size_bytes for one in ordered],
        "entries": [one.entries for one in ordered],
        "called_seconds": CALLED_SECONDS,
    }
    execute(OPEN_MONTHS, columns)
    fetch_all(HOLD_MONTHS, columns)
    execute(SETTLE_LOANS, columns)
    execute(CHARGE, columns)


def end(edge_id: int) -> None:
    """Free what an edge holds unspent: it never forwards again. In the caller's transaction."""
    months = fetch_all(MONTHS_OF_EDGE, [edge_id])
    columns = {
        "organisation_ids": [organisation_id for organisation_id, _ in months],
        "periods": [period for _, period in months],
        "called_seconds": CALLED_SECONDS,
    }
    fetch_all(HOLD_MONTHS, columns)
    execute(END, [edge_id])
    execute(RECOUNT, columns)


def call_back(organisation_id: int) -> bool:
    """Have edges give back what they hold unspent of this month; tell whether one that is there holds anything."""
    if not _is_held_elsewhere(organisation_id, edge_id=0, period=None):
        return False
    fetch_one(CALL_BACK, {"organisation_id": organisation_id})
    return True


def forget() -> int:
    """Delete loans of more than a year ago that came out even; return how many."""
    return execute(FORGET)


def _month_of(ask: Ask) -> tuple[int, date]:
    return ask.organisation_id, ask.period


def _only_returning(ask: Ask) -> Ask:
    return Ask(
        organisation_id=ask.organisation_id, period=ask.period, wanted_bytes=0, returned_bytes=ask.returned_bytes
    )


def _held(asks: Sequence[Ask]) -> dict[tuple[int, date], Month]:
    columns = {
        "organisation_ids": [ask.organisation_id for ask in asks],
        "periods": [ask.period for ask in asks],
        "called_seconds": CALLED_SECONDS,
    }
    execute(OPEN_MONTHS, columns)
    limits: dict[int, int] = dict(fetch_all(LIMITS, [columns["organisation_ids"]]))
    return {
        (organisation_id, period): Month(limits.get(organisation_id, 0), used, lent, is_called)
        for organisation_id, period, used, lent, is_called in fetch_all(HOLD_MONTHS, columns)
    }


def _loans(edge_id: int, asks: Sequence[Ask]) -> dict[tuple[int, date], Totals]:
    asked = {"edge_id": edge_id, "organisation_ids": [ask.organisation_id for ask in asks]}
    return {(organisation_id, period): Totals(*totals) for organisation_id, period, *totals in fetch_all(LOANS, asked)}


def _periods() -> set[date]:
    """Return the months of which is lent now, by PostgreSQL's clock."""
    now = current_time()
    return {moment.date().replace(day=1) for moment in (now, now + AHEAD)}


def _lent(edge_id: int, ask: Ask, month: Month, loan: Totals) -> Answer:
    new = agreed(month, loan, ask)
    lent = month.lent_bytes + new.unspent_bytes - loan.unspent_bytes
    execute(
        WRITE_LOAN,
        {
            "edge_id": edge_id,
            "organisation_id": ask.organisation_id,
            "period": ask.period,
            "lent_bytes": new.lent_bytes,
            "returned_bytes": new.returned_bytes,
        },
    )
    if lent != month.lent_bytes:
        execute(SET_LENT, [lent, ask.organisation_id, ask.period])
    is_short = new.lent_bytes < ask.needed_bytes
    is_elsewhere = is_short and _is_held_elsewhere(ask.organisation_id, edge_id=edge_id, period=ask.period)
    if is_elsewhere:
        execute(CALL_BACK, {"organisation_id": ask.organisation_id})
    return Answer(
        organisation_id=ask.organisation_id,
        period=ask.period,
        lent_bytes=new.lent_bytes,
        returned_bytes=new.returned_bytes,
        limit_bytes=month.limit_bytes,
        used_bytes=month.used_bytes,
        may_come_back=is_elsewhere,
        is_called_back=month.is_called_back,
    )


def _is_held_elsewhere(organisation_id: int, *, edge_id: int, period: date | None) -> bool:
    asked = {
        "organisation_id": organisation_id,
        "period": period,
        "edge_id": edge_id,
        "away_seconds": AWAY_AFTER_SECONDS,
    }
    [(is_held,)] = fetch_all(IS_HELD_ELSEWHERE, asked)
    return bool(is_held)
