"""Tell of what happens to error groups: each turn once, whoever dies when, in the transaction that hands it over."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

from django.db import transaction

from alerts import messages
from alerts.incidents import Telling, make, word
from alerts.models import Incident, Rule
from alerts.terms import Kind
from foundation.levels import Level
from issues import turning
from issues.turning import Turned
from notify.message import Fact

#: Of a transaction.
TURNS_AT_ONCE = 500
KINDS = {"new": Kind.NEW_GROUP, "regressed": Kind.REGRESSION, "woken": Kind.WOKEN}
TITLES = {
    Kind.NEW_GROUP: "New error #{number}: {title}",
    Kind.REGRESSION: "Came back: #{number} {title}",
    Kind.WOKEN: "Ignored no longer: #{number} {title}",
}
#: What was stored late came before its turn.
BEFORE = timedelta(days=1)


def tell_all(telling: Telling) -> int:
    """Tell of all turns that nobody was told of; return how many there were."""
    told = 0
    while some := _tell_some(telling):
        told += some
    return told


def _tell_some(telling: Telling) -> int:
    with transaction.atomic():
        turns = turning.take(TURNS_AT_ONCE)
        if not turns:
            return 0
        for owner, of_owner in _by_owner(turns).items():
            _tell(owner, of_owner, telling)
        turning.end([turn.id for turn in turns])
        return len(turns)


def _by_owner(turns: Sequence[Turned]) -> dict[int, list[Turned]]:
    by_owner: dict[int, list[Turned]] = defaultdict(list)
    for turn in turns:
        by_owner[turn.organisation_id].append(turn)
    return dict(sorted(by_owner.items()))


def _tell(owner: int, turns: Sequence[Turned], telling: Telling) -> None:
    asked = Rule.objects.filter(organisation_id=owner, is_active=True, paused_at=None, kind__in=list(KINDS.values()))
    rules = list(asked.select_related("organisation").order_by("id"))
    if not rules:
        return
    for rule, turn in concerning(owner, rules, turns):
        _tell_one(rule, turn, telling)


def concerning(owner: int, rules: Sequence[Rule], turns: Sequence[Turned]) -> Iterator[tuple[Rule, Turned]]:
    """Yield which turns of an organisation's groups its rules tell of."""
    since = min((turn.at for turn in turns), default=datetime.max.replace(tzinfo=UTC)) - BEFORE
    named = any(rule.environment for rule in rules) and turns
    seen_in = turning.environments(owner, {turn.number for turn in turns}, since=since) if named else set()
    yield from ((rule, turn) for rule in rules for turn in turns if _concerns(rule, turn, seen_in))


def _concerns(rule: Rule, turn: Turned, seen_in: set[tuple[int, str]]) -> bool:
    return (
        KINDS[turn.what] == rule.kind
        and turn.level >= rule.severity
        and rule.project in ("", turn.project)
        and (not rule.environment or (turn.number, rule.environment) in seen_in)
        and is_of_type(rule.error_type, turn.type)
    )


def is_of_type(wanted: str, found: str) -> bool:
    """Tell whether a group's type is the one that a rule names, or begins as it does."""
    return found.startswith(wanted[:-1]) if wanted.endswith("*") else wanted in ("", found)


def _tell_one(rule: Rule, turn: Turned, telling: Telling) -> None:
    incident = make(rule, value=str(turn.number), opened=turn.at, last_over=turn.at, closed=turn.at, peak=1, late=False)
    if incident is None:
        return
    what = word(rule, incident, telling)
    if what not in (Incident.Told.TOLD, Incident.Told.SILENCED, Incident.Told.FLAPPING):
        return
    facts = [Fact(name=name, value=value) for name, value in (
        ("organisation", rule.organisation.name), ("project", turn.project), ("type", turn.type), ("in", turn.culprit),
        ("release", turn.release),
    ) if value]  # fmt: skip
    messages.put_turn(
        rule,
        incident,
        telling.channels,
        title=TITLES[Kind(rule.kind)].format(number=turn.number, title=turn.title),
        facts=facts,
        level=Level(turn.level),
        round_name=telling.round_name,
        is_silenced=what == Incident.Told.SILENCED,
    )
