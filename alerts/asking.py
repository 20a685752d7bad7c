"""What rules look at: for all rules of a round, a statement a source."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from alerts.evaluation import first_minute
from alerts.models import Rule
from alerts.terms import DAY, MINUTE, OF_SILENCE, SPIKE_DAYS, Kind, Series, State, Terms
from foundation.postgres import fetch_all
from issues import minutes as errors
from storage import minutes as entries

#: Of the rule's own minutes: entries that its search found, or heartbeats.
OWN = """
SELECT asked.number, kept.value, extract(epoch FROM kept.minute)::bigint / 60, kept.entries
  FROM unnest(%s::bigint[], %s::timestamptz[], %s::timestamptz[]) AS asked(number, since, until)
  JOIN alerts_minute AS kept ON kept.rule_id = asked.number AND kept.minute >= asked.since AND kept.minute < asked.until
"""
#: Of a rule that counts values apart, so many of the largest are looked at.
MOST_VALUES = 500


class OwnCount(NamedTuple):
    """Of the rule's own minutes."""

    number: int
    value: str
    minute: int
    entries: int


Counted = OwnCount | entries.Counted


class Answers(NamedTuple):
    """The series of rules by their numbers, and those of which some is counted under no value of its own."""

    series: dict[int, Series]
    blurred: set[int]


def terms_of(rule: Rule) -> Terms:
    """Return what decides on a rule."""
    keep_firing = rule.time_window_minutes if rule.keep_firing_minutes is None else rule.keep_firing_minutes
    return Terms(
        kind=Kind(rule.kind),
        count=rule.count_threshold,
        window=rule.time_window_minutes,
        ratio_percent=rule.ratio_percent or 0,
        keep_firing=keep_firing,
        only_steady=rule.is_built_in,
    )


def minute_of(moment: datetime) -> int:
    """Return the minute (since 1970) that a moment lies in."""
    return int(moment.timestamp()) // MINUTE


def moment_of(minute: int) -> datetime:
    """Return when a minute begins."""
    return datetime.fromtimestamp(minute * MINUTE, UTC)


def is_of_errors(rule: Rule) -> bool:
    """Tell whether a rule counts errors of groups, and not entries of levels."""
    return bool(rule.error_type) or rule.group_by == Rule.GroupBy.GROUP


def ask(asked: Sequence[tuple[Rule, State]], *, until: datetime) -> Answers:
    """Return what was counted for each rule from the first minute that matters until `until`."""
    since = {
        rule.pk: moment_of(min(first_minute(terms_of(rule), state.settled), minute_of(until) - 1))
        for rule, state in asked
    }
    rules = [rule for rule, _ in asked]
    counts = _by_rule(_counts(rules, since, until))
    whole = _by_rule(
        entries.count([_of_level(rule, since[rule.pk], until, lowest=0) for rule in rules if _is_ratio(rule)])
    )
    spikes = [rule for rule in rules if rule.kind == Kind.SPIKE]
    first = entries.first_minutes(sorted({rule.organisation_id for rule in spikes})) if spikes else {}
    series = {
        rule.pk: Series(
            counts=counts.get(rule.pk, {}),
            whole=whole.get(rule.pk, {}),
            known_from=first.get(rule.organisation_id, minute_of(until)),
        )
        for rule in rules
    }
    blurred = {pk for pk, one in series.items() if entries.UNKNOWN_PAIR in one.counts}
    return Answers({pk: _without_unknown(one) for pk, one in series.items()}, blurred)


def _counts(rules: Sequence[Rule], since: dict[int, datetime], until: datetime) -> Iterable[Counted]:
    own = [rule for rule in rules if rule.kind in (Kind.SEARCH, Kind.MONITOR)]
    others = [(rule, is_of_errors(rule)) for rule in rules if rule.kind not in (Kind.SEARCH, Kind.MONITOR)]
    of_errors = [rule for rule, is_of in others if is_of]
    of_levels = [rule for rule, is_of in others if not is_of]
    if own:
        ids = [rule.pk for rule in own]
        yield from (OwnCount(*row) for row in fetch_all(OWN, [ids, [since[pk] for pk in ids], [until] * len(ids)]))
    yield from errors.count([_of_errors(rule, since[rule.pk], until) for rule in of_errors])
    yield from entries.count([_of_level(rule, since[rule.pk], until) for rule in of_levels])


def _of_level(rule: Rule, since: datetime, until: datetime, *, lowest: int | None = None) -> entries.Ask:
    return entries.Ask(
        number=rule.pk,
        organisation_id=rule.organisation_id,
        since=since,
        until=until,
        days=_days(rule, since, until),
        lowest=lowest if lowest is not None else 0 if rule.kind in OF_SILENCE else rule.severity,
        project=rule.project,
        environment=rule.environment,
        by=rule.group_by,
    )


def _of_errors(rule: Rule, since: datetime, until: datetime) -> errors.Ask:
    return errors.Ask(
        number=rule.pk,
        organisation_id=rule.organisation_id,
        since=since,
        until=until,
        days=_days(rule, since, until),
        lowest=rule.severity,
        project=rule.project,
        environment=rule.environment,
        by=rule.group_by,
        type=rule.error_type,
    )


def _days(rule: Rule, since: datetime, until: datetime) -> int:
    """Return how many days back the same is asked for; a range of a day or more holds them itself."""
    if rule.kind != Kind.SPIKE or until - since >= timedelta(minutes=DAY):
        return 0
    return SPIKE_DAYS


def _by_rule(rows: Iterable[Counted]) -> dict[int, dict[str, dict[int, int]]]:
    found: dict[int, dict[str, dict[int, int]]] = defaultdict(dict)
    for row in rows:
        counts = found[row.number].setdefault(row.value, {})
        counts[row.minute] = counts.get(row.minute, 0) + row.entries
    return found


def _without_unknown(series: Series) -> Series:
    counts = {value: one for value, one in series.counts.items() if value != entries.UNKNOWN_PAIR}
    if len(counts) > MOST_VALUES:
        largest = sorted(counts, key=lambda value: -sum(counts[value].values()))[:MOST_VALUES]
        counts = {value: counts[value] for value in largest}
    return Series(counts=counts, whole=series.whole, known_from=series.known_from)


def _is_ratio(rule: Rule) -> bool:
    return rule.kind == Kind.RATIO
