"""Count what arrives for the rules that search: each entry once, whenever it is stored and whoever dies meanwhile.

New is what a snapshot of PostgreSQL shows that an earlier one did not: see `storage.arrivals`. The counts and the
snapshot that they are of are written in one transaction, and only if nobody has moved the snapshot meanwhile.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from alerts.models import Cursor, Rule
from explore.grouped import grouped_by
from explore.hashed import hashed_by
from explore.query import QueryError, parse
from foundation.postgres import execute, fetch_all
from storage import arrivals
from storage.arrivals import Arrival, Window
from storage.conditions import Condition
from storage.errors import Unavailable
from storage.store import store

log = structlog.get_logger(__name__)

#: Of one rule, looking at a portion of what arrived.
SECONDS_A_RULE = 2.0
MOST_SLOW_LOOKS = 3
#: Of an organisation in a round; what is left is the next round's.
PORTIONS_A_ROUND = 50
#: Restored receipts of another PostgreSQL look as if they had come now; none that is new was stored longer ago.
STORED_WITHIN = timedelta(days=1)
TOO_SLOW = "It was too slow three times: narrow the search, and switch it on again."

#: A snapshot of another PostgreSQL, of before a restore, lies in the future.
IS_AHEAD = "SELECT pg_snapshot_xmax(%s::pg_snapshot) > pg_snapshot_xmax(%s::pg_snapshot)"
MOVE = """
UPDATE alerts_cursor SET seen = %s, until = %s, stored_xid = %s, after = %s,
       moved_at = CASE WHEN %s THEN now() ELSE moved_at END
 WHERE organisation_id = %s AND (seen, until, stored_xid, after) = (%s, %s, %s, %s)
"""
ADD = """
INSERT INTO alerts_minute AS kept (rule_id, minute, value, entries)
SELECT * FROM unnest(%s::bigint[], %s::timestamptz[], %s::text[], %s::bigint[]) ORDER BY 1, 2, 3
    ON CONFLICT (rule_id, minute, value) DO UPDATE SET entries = kept.entries + excluded.entries
"""


@dataclass(frozen=True, kw_only=True)
class Looked:
    """Whether the searches of an organisation have come to all that is stored."""

    is_done: bool


@dataclass(frozen=True)
class _Asked:
    """A rule, and what it searches for."""

    rule: Rule
    condition: Condition


def count(organisation_id: int, rules: Sequence[Rule]) -> Looked | None:
    """Count for the organisation's rules that search; None without any. Raises: `Unavailable`."""
    asked = {rule.pk: _Asked(rule, condition) for rule in rules if (condition := _condition(rule)) is not None}
    if not asked:
        Cursor.objects.filter(pk=organisation_id).delete()
        return None
    now = arrivals.snapshot()
    cursor, _ = Cursor.objects.get_or_create(pk=organisation_id, defaults={"seen": now})
    if fetch_all(IS_AHEAD, [cursor.seen, now])[0][0]:
        Cursor.objects.filter(pk=organisation_id).update(seen=now, until="", stored_xid=0, after=0)
        log.warning("searches_of_rules_begin_anew", organisation_id=organisation_id)
        return Looked(is_done=False)
    for _ in range(PORTIONS_A_ROUND):
        until = cursor.until or now
        if not _next(cursor, until, asked):
            return Looked(is_done=False)
        cursor.refresh_from_db()
        if not cursor.until and until == now:
            Rule.objects.filter(pk__in=asked, slow_looks__gt=0).update(slow_looks=0)
            return Looked(is_done=True)
    return Looked(is_done=False)


def forget(rule_id: int) -> None:
    """Forget what was counted for a rule: it asks for something else now. In the caller's transaction."""
    execute("DELETE FROM alerts_minute WHERE rule_id = %s", [rule_id])
    execute("DELETE FROM alerts_seen WHERE rule_id = %s", [rule_id])


def condition_of(rule: Rule) -> Condition:
    """Return what the rule searches for. Raises: `QueryError`; `Refusal` where it holds too much that is hashed."""
    owner = rule.organisation_id
    return parse(rule.query, hashed=hashed_by(owner), grouped=grouped_by(owner))


def _condition(rule: Rule) -> Condition | None:
    """Return it, with what belongs to the rule beside its query; a rule that cannot be read any more is paused."""
    try:
        return condition_of(rule)
    except QueryError as error:
        pause(rule.pk, f"Its search cannot be read: {error.message}")
        return None


def _next(cursor: Cursor, until: str, asked: Mapping[int, _Asked]) -> bool:
    """Count the next portion of what arrived; tell whether it was counted, and the cursor moved."""
    window = Window(
        seen=cursor.seen,
        until=until,
        since=cursor.moved_at - STORED_WITHIN,
        stored_xid=cursor.stored_xid,
        after=cursor.after,
    )
    found, left = arrivals.of(window, organisations=[cursor.pk])
    counted = _counted(found, asked)
    if counted is None:
        return False
    before = (cursor.pk, cursor.seen, cursor.until, cursor.stored_xid, cursor.after)
    after = (cursor.seen, until, left.stored_xid, left.after) if left else (until, "", 0, 0)
    with transaction.atomic():
        if not execute(MOVE, [*after, not left, *before]):
            return False
        if counted:
            rows = [(*place, entries) for place, entries in sorted(counted.items())]
            execute(ADD, [list(column) for column in zip(*rows, strict=True)])
    return True


def _counted(found: Sequence[Arrival], asked: Mapping[int, _Asked]) -> Counter[tuple[int, datetime, str]] | None:
    """Return what each rule finds, by rule, minute and value; None where one was too slow, which is held against it."""
    if not found:
        return Counter()
    ids = sorted(asked)
    try:
        return _of(found, ids, asked)
    except Unavailable as error:
        if error.code != "query_timeout":
            raise
    counted: Counter[tuple[int, datetime, str]] = Counter()
    slow = []
    for rule_id in ids:
        try:
            counted += _of(found, [rule_id], asked)
        except Unavailable as error:
            if error.code != "query_timeout":
                raise
            slow.append(rule_id)
    for rule_id in slow:
        _note_slow(rule_id)
    return None if slow else counted


def _of(
    found: Sequence[Arrival], ids: Sequence[int], asked: Mapping[int, _Asked]
) -> Counter[tuple[int, datetime, str]]:
    seconds = SECONDS_A_RULE * min(len(ids), 5)
    rows = store().reader.found_in(found, [asked[rule_id].condition for rule_id in ids], seconds=seconds)
    minutes = {one.batch_id: one.received_at.replace(second=0, microsecond=0) for one in found}
    counted: Counter[tuple[int, datetime, str]] = Counter()
    for row in rows:
        for rule_id, entries in zip(ids, row.counts, strict=True):
            rule = asked[rule_id].rule
            if entries and rule.project in ("", row.project) and rule.environment in ("", row.environment):
                value = {"project": row.project, "environment": row.environment}.get(rule.group_by, "")
                counted[rule_id, minutes[row.batch_id], value] += entries
    return counted


def _note_slow(rule_id: int) -> None:
    Rule.objects.filter(pk=rule_id).update(slow_looks=F("slow_looks") + 1)
    if Rule.objects.filter(pk=rule_id, slow_looks__gte=MOST_SLOW_LOOKS).exists():
        pause(rule_id, TOO_SLOW)


def pause(rule_id: int, reason: str) -> None:
    """Look at a rule no more until somebody switches it on again."""
    if Rule.objects.filter(pk=rule_id, paused_at=None).update(paused_at=Now(), paused_reason=reason[:200]):
        log.warning("alert_rule_paused", rule=rule_id)
