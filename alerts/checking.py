"""What is wrong with a rule, for whoever wrote it: what constraints cannot say, in words, by field."""

from collections.abc import Iterator

from accounts.models import Organisation
from alerts.models import Rule
from alerts.searching import condition_of
from alerts.terms import NOT_COUNTED, OF_TURNS, Kind
from explore.parameters import zone_names
from explore.query import QueryError
from foundation.refusals import Refusal
from storage.conditions import EVERYTHING

#: Of an organisation.
MOST_RULES, MOST_SEARCHES = 500, 50
#: Kinds that look at errors of groups.
OF_ERRORS = (Kind.THRESHOLD, Kind.SPIKE, Kind.DIGEST, *OF_TURNS)
KINDS_OF_CHANNELS = ("email", "slack", "discord", "teams", "pagerduty", "webhook")


def wrong_with(rule: Rule) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with a rule: the field, and why. Raises: `OperationalError`."""
    yield from _fields_of_kind(rule)
    yield from _channels(rule)
    yield from _search(rule)
    yield from _numbers(rule)


def _fields_of_kind(rule: Rule) -> Iterator[tuple[str, str]]:
    kind = Kind(rule.kind)
    rules = (*_of_errors(rule, kind), *_of_values(rule, kind), *_of_digest(rule, kind))
    yield from ((field, text) for is_wrong, field, text in rules if is_wrong)


def _of_errors(rule: Rule, kind: Kind) -> Iterator[tuple[bool, str, str]]:
    of_errors = "Only rules that look at errors have a type: threshold, spike, digest, and those of groups."
    yield bool(rule.error_type) and kind not in OF_ERRORS, "error_type", of_errors
    yield "*" in rule.error_type[:-1], "error_type", "A * may stand at the end, and nowhere else."
    yield bool(rule.query) and kind is not Kind.SEARCH, "query", "Only a search has a query."
    has_ratio, is_ratio = rule.ratio_percent is not None, kind is Kind.RATIO
    yield has_ratio and not is_ratio, "ratio_percent", "Only a ratio has a percentage."
    yield is_ratio and not has_ratio, "ratio_percent", "A ratio needs its percentage."


def _of_values(rule: Rule, kind: Kind) -> Iterator[tuple[bool, str, str]]:
    is_one = kind in (Kind.MONITOR, *NOT_COUNTED)
    of_one = "A monitor and a digest are one; each group, or field, has its own incident."
    yield bool(rule.group_by) and is_one, "group_by", of_one
    by_group = rule.group_by == Rule.GroupBy.GROUP and not is_one
    yield by_group and kind not in OF_ERRORS, "group_by", "Only threshold and spike count by error group."
    of_nothing = "A monitor is of no project: whoever has its address may send the heartbeat."
    yield bool(rule.project or rule.environment) and kind is Kind.MONITOR, "project", of_nothing


def _of_digest(rule: Rule, kind: Kind) -> Iterator[tuple[bool, str, str]]:
    is_digest, has_period = kind is Kind.DIGEST, bool(rule.digest_every)
    yield is_digest and not has_period, "digest_every", "A digest comes every hour, day or week."
    yield has_period and not is_digest, "digest_every", "Only a digest comes at its time."
    yield rule.time_zone not in zone_names(), "time_zone", "The name of a time zone, like Europe/Berlin."


def _channels(rule: Rule) -> Iterator[tuple[str, str]]:
    own = set(map(str, Organisation(pk=rule.organisation_id).notice_channels.values_list("pk", flat=True)))
    unknown = [name for name in rule.channels if name not in KINDS_OF_CHANNELS and name not in own]
    if unknown:
        kinds = ", ".join(KINDS_OF_CHANNELS)
        yield "channels", f"{unknown[0]} is neither a kind of channel ({kinds}) nor the number of one of yours."


def _search(rule: Rule) -> Iterator[tuple[str, str]]:
    if rule.kind != Kind.SEARCH:
        return
    try:
        if condition_of(rule) == EVERYTHING and not (rule.project or rule.environment):
            yield "query", "An empty search finds everything: a threshold of level debug counts that."
    except QueryError as error:
        yield "query", error.message
    except Refusal as error:
        yield "query", error.detail


def _numbers(rule: Rule) -> Iterator[tuple[str, str]]:
    others = Rule.objects.filter(organisation_id=rule.organisation_id).exclude(pk=rule.pk)
    if others.filter(rule_name=rule.rule_name).exists():
        yield "rule_name", "There is a rule of this name."
    if rule._state.adding and others.count() >= MOST_RULES:
        yield "rule_name", f"An organisation has {MOST_RULES} rules at most."
    if rule.kind == Kind.SEARCH and others.filter(kind=Kind.SEARCH).count() >= MOST_SEARCHES:
        yield "kind", f"An organisation has {MOST_SEARCHES} rules that search at most."
