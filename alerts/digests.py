"""Digests: what was new, what came back and what was busiest, every hour, day or week at a local time."""

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.db import transaction
from django.urls import reverse

from alerts.incidents import Telling
from alerts.models import Rule
from alerts.terms import Kind
from alerts.turns import is_of_type
from issues import turning
from issues.turning import Busy, Turned
from notify import outbox
from notify.message import Fact, Item, Link, Message

EVERY = ("hour", "day", "week")
#: Of each kind of line.
MOST_NEW, MOST_BUSY = 8, 5


def last_due(every: str, *, at: time, weekday: int, zone: str, now: datetime) -> datetime:
    """Return when a digest was due last: a whole hour, a time of day, or of a weekday (1 is Monday), in a time zone."""
    local = now.astimezone(ZoneInfo(zone))
    if every == "hour":
        return local.replace(minute=0, second=0, microsecond=0).astimezone(UTC)
    days = (local.date() - timedelta(days=back) for back in range(9))
    moments = (
        datetime.combine(day, at, local.tzinfo).astimezone(UTC)
        for day in days
        if every == "day" or day.isoweekday() == weekday
    )
    return next(moment for moment in moments if moment <= now)


def tell_due(telling: Telling) -> int:
    """Send the digests that are due and were not sent; return how many those were."""
    rules = Rule.objects.filter(kind=Kind.DIGEST, is_active=True, paused_at=None).order_by("id")
    return sum(_tell(pk, telling) for pk in rules.values_list("pk", flat=True))


def due_of(rule: Rule, now: datetime) -> datetime:
    """Return when a rule's digest was due last."""
    at, weekday = rule.digest_at or time(8), rule.digest_weekday or 1
    return last_due(rule.digest_every, at=at, weekday=weekday, zone=rule.time_zone, now=now)


def _tell(rule_id: int, telling: Telling) -> bool:
    with transaction.atomic():
        rule = (
            Rule.objects.select_for_update(of=("self",), no_key=True, skip_locked=True)
            .filter(pk=rule_id, is_active=True)
            .select_related("organisation")
            .first()
        )
        if rule is None:
            return False
        due = due_of(rule, telling.now)
        if due <= rule.settled_until:
            return False
        message = _message(rule, start=due_of(rule, due - timedelta(microseconds=1)), end=due)
        Rule.objects.filter(pk=rule.pk).update(settled_until=due, evaluated_at=telling.now)
        if message is None and not rule.digest_if_nothing:
            return False
        return outbox.put(
            rule.organisation_id, message or _nothing(rule, due), telling.channels.of(rule),
            key=f"digest-{rule.pk}-{due.isoformat()}",
        )  # fmt: skip


def _message(rule: Rule, *, start: datetime, end: datetime) -> Message | None:
    """Return what happened; None for nothing."""
    turned = [
        turn
        for turn in turning.past(rule.organisation_id, ("new", "regressed"), since=start)
        if turn.at < end and turn.level >= rule.severity and rule.project in ("", turn.project)
        and is_of_type(rule.error_type, turn.type)
    ]  # fmt: skip
    busy = turning.busiest(
        rule.organisation_id, start=start, end=end, project=rule.project, environment=rule.environment, limit=MOST_BUSY
    )
    if not turned and not busy:
        return None
    new, back = ([turn for turn in turned if turn.what == what] for what in ("new", "regressed"))
    slug = rule.organisation.slug
    return Message(
        kind="alert.digest",
        title=f"{rule.rule_name}: {len(new):,} new, {len(back):,} came back",
        occurred_at=end,
        facts=(
            Fact(name="organisation", value=rule.organisation.name),
            Fact(name="since", value=f"{start:%Y-%m-%d %H:%M} UTC"),
        ),
        items=(*_lines(new, back, slug), *_busiest(busy, slug)),
        more=max(0, len(new) - MOST_NEW) + max(0, len(back) - MOST_NEW),
        links=(Link(label="Errors", url=f"{reverse('admin:errors')}?organisation={slug}"),),
        data={"rule_id": rule.pk, "new": len(new), "regressed": len(back), "from": start.isoformat()},
    )


def _nothing(rule: Rule, due: datetime) -> Message:
    return Message(kind="alert.digest", title=f"{rule.rule_name}: nothing happened", occurred_at=due)


def _lines(new: list[Turned], back: list[Turned], slug: str) -> Iterator[Item]:
    for word, turns in (("New", new), ("Came back", back)):
        for turn in turns[:MOST_NEW]:
            yield Item(title=f"{word}: #{turn.number} {turn.title}", url=_address(turn.number, slug))


def _busiest(busy: list[Busy], slug: str) -> Iterator[Item]:
    for one in busy:
        yield Item(title=f"{one.events:,} × #{one.number} {one.title}", url=_address(one.number, slug))


def _address(number: int, slug: str) -> str:
    return f"{reverse('admin:errors')}{number}/?organisation={slug}"
