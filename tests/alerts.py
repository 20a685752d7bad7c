"""Rules for tests, entries that came at a chosen minute, and who looks at them when."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection

from accounts.caller import Caller
from accounts.models import Organisation
from alerts import changing, looking
from alerts.changing import Actor
from alerts.models import Incident, Rule
from foundation.postgres import execute
from ingest import doors
from ingest.spool import claims
from ingest.spool.drain import drain
from notify.models import MessageRecord
from tests.errors import send

#: An hour ago, at a whole minute: what tests have come came since.
BASE = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(hours=1)


def at(minutes: float) -> datetime:
    """Return a moment so many minutes after `BASE`."""
    return BASE + timedelta(minutes=minutes)


def make_rule(caller: Caller, *, since: float = 0, **fields: Any) -> Rule:
    """Make a rule that looks at what comes from then on."""
    default = {"rule_name": "Rule", "count_threshold": 5, "time_window_minutes": 5, "keep_firing_minutes": 2}
    rule = changing.create(Rule(organisation_id=caller.organisation_id, **default | fields), by=Actor())
    Rule.objects.filter(pk=rule.pk).update(settled_until=at(since))
    rule.refresh_from_db()
    return rule


def make_channel(caller: Caller, kind: str = "webhook", address: str = "https://example.com/hook") -> Any:
    """Make a channel of the caller's organisation; nothing is sent by tests."""
    return Organisation.objects.get(pk=caller.organisation_id).notice_channels.create(kind=kind, address=address)


def spool_at(caller: Caller, minutes: float, *entries: Mapping[str, Any]) -> None:
    """Have entries come at a minute, and wait to be stored."""
    send(caller, *entries)
    execute("UPDATE ingest_spooledbatch SET received_at = %s WHERE received_at > %s", [at(minutes), at(59)])
    claims.frontier.distrust()  # it lies where drains of a moment ago were, and nobody else moves batches into the past


def store_at(caller: Caller, minutes: float, *entries: Mapping[str, Any]) -> None:
    """Have entries come at a minute, and be stored now."""
    spool_at(caller, minutes, *entries)
    drain()


def some(count: int, **entry: Any) -> list[dict[str, Any]]:
    """Return so many errors without a stack."""
    return [{"level": "error", "message": "no money"} | entry] * count


def look_at(minutes: float) -> None:
    """Look at all rules then, while entries are taken in."""
    doors.note_open()
    assert looking.look(clock=lambda: at(minutes))


def look_until(minutes: float, *, since: float, every: float = 0.5) -> None:
    """Look again and again, as the evaluator does."""
    moment = since
    while moment <= minutes:
        look_at(moment)
        moment += every


def incidents(rule: Rule | None = None) -> list[tuple[float, float | None, int]]:
    """Return when incidents opened and closed, in minutes after `BASE`, and their peaks."""
    found = Incident.objects.filter(**{"rule": rule} if rule else {}).order_by("opened_at", "id")
    return [(_minutes(one.opened_at), _minutes(one.closed_at) if one.closed_at else None, one.peak) for one in found]


def told(organisation_id: int | None = None) -> list[tuple[str, str]]:
    """Return the kinds and titles of messages, the oldest first."""
    found = MessageRecord.objects.filter(**{"organisation_id": organisation_id} if organisation_id else {})
    return [(one.kind, one.content["title"]) for one in found.order_by("id")]


class Died(Exception):
    """The evaluator ends here."""


@contextmanager
def dying_at(number: int) -> Iterator[list[int]]:
    """Have the statement with this number fail as nothing in the product expects; yields how many there were."""
    seen = [0]

    def count(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        seen[0] += 1
        if seen[0] == number:
            raise Died
        return execute(sql, params, many, context)

    with connection.execute_wrapper(count):
        yield seen


def _minutes(moment: datetime) -> float:
    return (moment - BASE).total_seconds() / 60
