"""One look at all rules: what happened to groups, then what was counted. Whoever dies in it, the next one goes on.

Each organisation is a transaction: its rules are held, what they ask for is read, and incidents, messages and how far
each rule is are written together. So two who look at once find the same, one after the other.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.db import DatabaseError, InterfaceError, transaction

from alerts import asking, built_in, digests, drifts, incidents, metrics, searching, turns
from alerts.asking import minute_of, moment_of, terms_of
from alerts.evaluation import evaluate
from alerts.incidents import Telling
from alerts.models import Incident, Round, Rule, Seen
from alerts.terms import NOT_COUNTED, OF_MOMENTS, OF_SILENCE, Kind, Moment, Outcome, State
from edges.standing import Unheard, unheard
from foundation.postgres import current_time, execute, fetch_all
from foundation.refusals import Refusal
from ingest import doors
from ingest.spool import backlog

log = structlog.get_logger(__name__)

#: One looks at a time: of our advisory locks, this one.
LOCK = 0x4C4C414C
#: A batch that was accepted is seen by everybody within this time.
SETTLES = timedelta(seconds=10)
#: Who looked longer ago than this was away, and with it perhaps all of us.
AWAY_AFTER = timedelta(seconds=60)
#: From so many minutes on, how far the spool is behind is worth a word.
BEHIND = 2

ORGANISATIONS = """
SELECT DISTINCT organisation_id FROM alerts_rule
 WHERE is_active AND paused_at IS NULL AND kind <> ALL (%s) ORDER BY 1
"""
WRITE = """
UPDATE alerts_rule AS rule
   SET settled_until = looked.settled_until, evaluated_at = %s, state = looked.state, state_reason = looked.reason
  FROM unnest(%s::bigint[], %s::timestamptz[], %s::text[], %s::text[]) AS looked(id, settled_until, state, reason)
 WHERE rule.id = looked.id
"""
WRITE_SEEN = """
INSERT INTO alerts_seen AS kept (rule_id, value, last_minute)
SELECT * FROM unnest(%s::bigint[], %s::text[], %s::timestamptz[]) ORDER BY 1, 2
    ON CONFLICT (rule_id, value) DO UPDATE SET last_minute = greatest(kept.last_minute, excluded.last_minute)
 WHERE kept.last_minute < excluded.last_minute
"""
#: Of those that turns are told to there is nothing to look at: they are looked at as often as turns are.
TOUCH = """
UPDATE alerts_rule SET evaluated_at = %s WHERE is_active AND paused_at IS NULL AND kind = ANY (%s)
"""


@dataclass(frozen=True, kw_only=True)
class Hearing:
    """What we have heard: all that came before `settled`, but for what waits; nothing before `deaf_until` is missed."""

    now: datetime
    deaf_until: datetime
    waiting: dict[int, datetime]
    unheard: dict[int | None, Unheard]

    def moment_of(self, organisation_id: int, kind: str = "") -> Moment:
        """Return now, as an organisation's rules of a kind see it."""
        settled = self.now - SETTLES
        known = min(settled, self.waiting.get(organisation_id, settled))
        edge = self.edge_of(organisation_id, kind)
        deaf_until = max(self.deaf_until, edge.until) if edge else self.deaf_until
        return Moment(running=minute_of(self.now), known=minute_of(known), deaf_until=minute_of(deaf_until) + 1)

    def edge_of(self, organisation_id: int, kind: str) -> Unheard | None:
        """Return the organisation's edge that was silent last; heartbeats never come by one."""
        if kind == Kind.MONITOR:
            return None
        found = [edge for one in (organisation_id, None) if (edge := self.unheard.get(one))]
        return max(found, key=lambda edge: edge.until, default=None)


def look(*, clock: Callable[[], datetime] = current_time) -> bool:
    """Look once; False where somebody else does. Raises: `DatabaseError` where PostgreSQL is away."""
    with _alone() as is_alone:
        if not is_alone:
            return False
        began = time.monotonic()
        hearing = listen(clock())
        telling = Telling(hearing.now)
        _try("turns", lambda: turns.tell_all(telling))
        _try("drifts", lambda: drifts.learn_and_tell(telling))
        execute(TOUCH, [hearing.now, list(OF_MOMENTS)])
        for (organisation_id,) in fetch_all(ORGANISATIONS, [list(NOT_COUNTED)]):
            _try("rules", lambda owner=organisation_id: look_at(owner, hearing, telling))  # type: ignore[misc]
        _try("unsilenced", lambda: _in_transaction(lambda: incidents.tell_unsilenced(telling)))
        _try("flapping", lambda: _in_transaction(lambda: incidents.end_flapping(telling)))
        _try("digests", lambda: digests.tell_due(telling))
        _try("built_in", lambda: built_in.make(hearing.now))
        seconds = time.monotonic() - began
        metrics.ROUND_SECONDS.observe(seconds)
        Round.objects.filter(pk=1).update(seconds=seconds)
        return True


def listen(now: datetime) -> Hearing:
    """Note that we look, and return what we have heard until now."""
    before = Round.objects.filter(pk=1).first()
    was_away = before is None or abs(now - before.looked_at) > AWAY_AFTER or not doors.are_open()
    deaf_until = now if was_away or before is None or before.deaf_until is None else before.deaf_until
    Round.objects.update_or_create(pk=1, defaults={"looked_at": now, "deaf_until": deaf_until})
    return Hearing(now=now, deaf_until=deaf_until, waiting=backlog.first_received(), unheard=unheard(now))


def look_at(organisation_id: int, hearing: Hearing, telling: Telling) -> None:
    """Look at an organisation's rules that count something."""
    running = Rule.objects.filter(organisation_id=organisation_id, is_active=True, paused_at=None)
    running = running.exclude(kind__in=list(NOT_COUNTED))
    searched = _searched(organisation_id, list(running.filter(kind=Kind.SEARCH)))
    moment = hearing.moment_of(organisation_id)
    with transaction.atomic():
        rules = list(running.select_related("organisation").select_for_update(of=("self",), no_key=True).order_by("id"))
        states = _states(rules)
        answers = asking.ask([(rule, states[rule.pk]) for rule in rules], until=moment_of(moment.running + 1))
        looked = [
            (rule, _outcome(rule, states[rule.pk], answers, hearing.moment_of(organisation_id, rule.kind), searched))
            for rule in rules
        ]
        incidents.apply_all([(rule, outcome.transitions) for rule, outcome in looked], telling)
        _write(looked, answers, hearing)


def _searched(organisation_id: int, rules: Sequence[Rule]) -> searching.Looked | None:
    """Count what arrived for the rules that search; a log store that is busy keeps no other rule waiting."""
    try:
        return searching.count(organisation_id, rules)
    except Refusal as error:
        metrics.FAILURES.labels(step="searches").inc()
        log.warning("alerts_failed", step="searches", error=error.code)
        return None


def _outcome(
    rule: Rule, state: State, answers: asking.Answers, moment: Moment, searched: searching.Looked | None
) -> Outcome:
    if rule.kind in OF_SILENCE and rule.pk in answers.blurred:
        return Outcome(transitions=(), settled=max(state.settled, moment.known), last_seen=state.last_seen)
    if rule.kind == Kind.SEARCH and not (searched and searched.is_done):
        moment = Moment(running=moment.running, known=min(state.settled, moment.known), deaf_until=moment.deaf_until)
    return evaluate(terms_of(rule), answers.series[rule.pk], state, moment)


def _states(rules: Sequence[Rule]) -> dict[int, State]:
    spells = incidents.spells_of(rules)
    silent = [rule.pk for rule in rules if rule.kind in OF_SILENCE]
    seen: dict[int, dict[str, int]] = {}
    steady: dict[int, set[str]] = {}
    for row in Seen.objects.filter(rule_id__in=silent) if silent else ():
        seen.setdefault(row.rule_id, {})[row.value] = minute_of(row.last_minute)
        if row.is_steady:
            steady.setdefault(row.rule_id, set()).add(row.value)
    return {
        rule.pk: State(
            settled=minute_of(rule.settled_until),
            spells=tuple(spells.get(rule.pk, ())),
            last_seen=seen.get(rule.pk, {}),
            steady=frozenset(steady.get(rule.pk, ())),
        )
        for rule in rules
    }


def _write(looked: Sequence[tuple[Rule, Outcome]], answers: asking.Answers, hearing: Hearing) -> None:
    if not looked:
        return
    open_ids = set(
        Incident.objects.filter(rule__in=[rule.pk for rule, _ in looked], closed_at=None).values_list(
            "rule_id", flat=True
        )
    )
    rows = [
        (rule.pk, moment_of(outcome.settled), *_standing(rule, outcome, answers, hearing, is_open=rule.pk in open_ids))
        for rule, outcome in looked
    ]
    execute(WRITE, [hearing.now, *(list(column) for column in zip(*rows, strict=True))])
    seen = [
        (rule.pk, value, moment_of(minute)) for rule, outcome in looked for value, minute in outcome.last_seen.items()
    ]
    if seen:
        execute(WRITE_SEEN, [list(column) for column in zip(*seen, strict=True)])


def _standing(
    rule: Rule, outcome: Outcome, answers: asking.Answers, hearing: Hearing, *, is_open: bool
) -> tuple[str, str]:
    """Return a rule's state and why it is so, for people."""
    moment = hearing.moment_of(rule.organisation_id, rule.kind)
    behind = moment.running - moment.known
    reason = f"What was sent is {behind} min behind." if behind > BEHIND else ""
    if rule.pk in answers.blurred:
        reason = "More than 200 pairs of project and environment a day: some are counted together, as …."
    if is_open:
        return Rule.State.FIRING, reason
    if rule.kind not in OF_SILENCE:
        return Rule.State.OK, reason
    if rule.pk in answers.blurred or behind > max(rule.time_window_minutes, BEHIND):
        return Rule.State.UNKNOWN, reason
    if moment.known - rule.time_window_minutes < moment.deaf_until:
        return Rule.State.UNKNOWN, _why_deaf(rule, moment, hearing)
    return (Rule.State.OK, reason) if outcome.last_seen else (Rule.State.WAITING, reason)


def _why_deaf(rule: Rule, moment: Moment, hearing: Hearing) -> str:
    edge = hearing.edge_of(rule.organisation_id, rule.kind)
    if edge and edge.until > hearing.deaf_until:
        return f"Edge {edge.edge} was not heard until {edge.until:%H:%M} UTC: what was sent there is not known."
    return f"We took nothing in until {moment_of(moment.deaf_until):%H:%M} UTC."


@contextmanager
def _alone() -> Iterator[bool]:
    """Keep others from looking meanwhile. Two who look at once would find the same, and work twice."""
    [(is_alone,)] = fetch_all("SELECT pg_try_advisory_lock(%s)", [LOCK])
    try:
        yield is_alone
    finally:
        if is_alone:
            fetch_all("SELECT pg_advisory_unlock(%s)", [LOCK])


def _try(step: str, work: Callable[[], Any]) -> None:
    """Do a part of a look; one that fails is told of, and keeps no other from being done."""
    try:
        work()
    except (DatabaseError, InterfaceError, Refusal) as error:
        metrics.FAILURES.labels(step=step).inc()
        log.warning("alerts_failed", step=step, error=type(error).__name__)


def _in_transaction(work: Callable[[], None]) -> None:
    with transaction.atomic():
        work()
