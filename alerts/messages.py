"""What people are told of an incident, and by which channels; in the caller's transaction, with the incident."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, cast
from urllib.parse import urlencode

from django.urls import reverse

from accounts.models import Organisation
from alerts import drifted, words
from alerts.models import Incident, Rule
from alerts.terms import OF_MOMENTS, OF_TURNS, Kind
from foundation.levels import Level
from notify import outbox
from notify.message import Fact, Link, Message, Severity


class Channels:
    """The channels of organisations, each asked for once."""

    def __init__(self) -> None:
        self._known: dict[int, list[tuple[int, str]]] = {}

    def of(self, rule: Rule) -> list[int] | None:
        """Return the active channels that a rule names, by kinds or numbers; None for all of the organisation."""
        if not rule.channels:
            return None
        owner = rule.organisation_id
        if owner not in self._known:
            named = Organisation(pk=owner).notice_channels.filter(is_active=True)
            self._known[owner] = list(named.values_list("pk", "kind"))
        return [pk for pk, kind in self._known[owner] if {kind, str(pk)} & set(rule.channels)]


def put_opened(
    rule: Rule,
    incident: Incident,
    channels: Channels,
    *,
    round_name: str,
    is_silenced: bool = False,
    again: bool = False,
) -> None:
    """Tell that an incident has begun; or, where it was over when it was seen, that it was.

    `again`: it was silenced when it began.
    """
    late = incident.closed_at is not None and incident.is_late
    what = "alert.late" if late else "alert.opened"
    title = f"{subject_of(rule, incident)}: {words.found(rule, incident)}"
    text = (
        f"{_time(incident.opened_at)}–{_time(incident.closed_at)} UTC, stored late."
        if late and incident.closed_at
        else ""
    )
    _put(rule, incident, channels, what, title, text, state="" if late else "opens", round_name=round_name,
         is_silenced=is_silenced, key="unsilenced" if again else "")  # fmt: skip


def put_closed(rule: Rule, incident: Incident, channels: Channels, *, round_name: str) -> None:
    """Tell that an incident is over."""
    assert incident.closed_at
    minutes = round((incident.closed_at - incident.opened_at).total_seconds() / 60)
    title = f"Over: {subject_of(rule, incident)}"
    text = f"It took {minutes:,} min, from {_time(incident.opened_at)} to {_time(incident.closed_at)} UTC."
    _put(rule, incident, channels, "alert.closed", title, text, state="closes", round_name=round_name)


def put_flapping(rule: Rule, incident: Incident, channels: Channels, *, round_name: str) -> None:
    """Tell once that incidents come and go."""
    title = f"Flapping: {subject_of(rule, incident)}"
    text = "It came and went four times within an hour. The next message is when it was quiet for an hour."
    _put(rule, incident, channels, "alert.flapping", title, text, state="", round_name=round_name)


def put_quiet_again(rule: Rule, incident: Incident, channels: Channels, *, round_name: str) -> None:
    """Tell that what had flapped was quiet for an hour."""
    title = f"Quiet again: {subject_of(rule, incident)}"
    _put(rule, incident, channels, "alert.quiet", title, "Nothing for an hour.", state="", round_name=round_name)


def put_turn(
    rule: Rule,
    incident: Incident,
    channels: Channels,
    *,
    title: str,
    facts: Sequence[Fact],
    level: Level,
    round_name: str,
    is_silenced: bool,
) -> None:
    """Tell of what happened to an error group."""
    message = Message(
        kind=f"alert.{rule.kind}",
        title=title,
        occurred_at=incident.opened_at,
        severity=cast(Severity, level.label),
        subject=f"incident-{incident.pk}",
        facts=(Fact(name="rule", value=rule.rule_name), *facts),
        links=tuple(_links(rule, incident)),
        data=_data(rule, incident),
    )
    outbox.put(
        rule.organisation_id, message, channels.of(rule), key=key_of(incident, "opened"), together=round_name,
        is_silenced=is_silenced,
    )  # fmt: skip


def put_drift(rule: Rule, incident: Incident, channels: Channels, *, round_name: str, is_silenced: bool) -> None:
    """Tell that a field has another type, or is missing."""
    outbox.put(
        rule.organisation_id, of_drift(rule, incident), channels.of(rule), key=key_of(incident, "opened"),
        together=round_name, is_silenced=is_silenced,
    )  # fmt: skip


def of_drift(rule: Rule, incident: Incident) -> Message:
    """Return what is told of a drift: since when, since which entry, and of what release that is."""
    details = incident.details or {}
    named = {name: details.get(name) for name in ("project", "environment", "field", "was", "is", "release")}
    return Message(
        kind=f"alert.{rule.kind}",
        title=f"{incident.value}: {drifted.words(details)}, since {_time(incident.opened_at)} UTC",
        occurred_at=incident.opened_at,
        severity="warn",
        subject=f"incident-{incident.pk}",
        facts=(
            Fact(name="organisation", value=rule.organisation.name),
            Fact(name="rule", value=rule.rule_name),
            *(Fact(name=name, value=value) for name, value in named.items() if value),
        ),
        links=tuple(_links(rule, incident)),
        data=_data(rule, incident) | {"drift": details},
    )


def subject_of(rule: Rule, incident: Incident) -> str:
    """Return what an incident is about: the rule, and of which value."""
    if not incident.value:
        return rule.rule_name
    shown = f"group #{incident.value}" if rule.group_by == "group" or rule.kind in OF_TURNS else incident.value
    return f"{rule.rule_name} · {shown}"


def key_of(incident: Incident, step: str) -> str:
    """Return the key of what is said of an incident once: that it began, that it is over."""
    return f"incident-{incident.pk}-{step}"


def address_of(incident_id: int) -> str:
    """Return where the console shows an incident."""
    return f"{reverse('admin:incidents')}{incident_id}/"


def entry_address(rule: Rule, details: Mapping[str, Any]) -> str:
    """Return where the explorer shows the first entry of a drift."""
    given = {"organisation": rule.organisation.slug, "entry": details["entry_id"]}
    return f"{reverse('admin:explorer')}?{urlencode(given)}"


def explorer_address(rule: Rule, incident: Incident) -> str:
    """Return where the explorer shows what was counted."""
    query = query_of(rule, incident.value)
    end = incident.closed_at or incident.last_over_at
    span = {"from": _iso(incident.opened_at, minutes=-rule.time_window_minutes), "to": _iso(end, minutes=2)}
    slug = rule.organisation.slug
    return f"{reverse('admin:explorer')}?{urlencode({'organisation': slug, 'query': query, **span})}"


def query_of(rule: Rule, value: str) -> str:
    """Return the search that finds what a rule counts of a value."""
    parts = [f"({rule.query})"] if rule.query.strip() else []
    if rule.kind in (Kind.THRESHOLD, Kind.SPIKE, Kind.RATIO):
        parts.append(f"level:>={Level(rule.severity).label}")
    if rule.error_type:
        parts.append(f"error.type:{_quoted(rule.error_type)}")
    named = {"project": rule.project, "environment": rule.environment}
    if rule.group_by in named:
        named[rule.group_by] = value
    if rule.group_by == "group":
        parts.append(f"group:{value}")
    parts += [f"{name}:{_quoted(text)}" for name, text in named.items() if text]
    return " ".join(parts)


def _put(
    rule: Rule,
    incident: Incident,
    channels: Channels,
    kind: str,
    title: str,
    text: str,
    *,
    state: Any,
    round_name: str,
    is_silenced: bool = False,
    key: str = "",
) -> None:
    message = Message(
        kind=kind,
        title=title,
        text=text,
        occurred_at=incident.closed_at if state == "closes" and incident.closed_at else incident.opened_at,
        severity=cast(Severity, Level(rule.severity).label) if state != "closes" else "info",
        state=state,
        subject=f"incident-{incident.pk}",
        facts=tuple(_facts(rule, incident)),
        links=tuple(_links(rule, incident)),
        data=_data(rule, incident),
    )
    step = key or kind.removeprefix("alert.")
    outbox.put(
        rule.organisation_id, message, channels.of(rule), key=key_of(incident, step), together=round_name,
        is_silenced=is_silenced,
    )  # fmt: skip


def _facts(rule: Rule, incident: Incident) -> Iterator[Fact]:
    yield Fact(name="organisation", value=rule.organisation.name)
    yield Fact(name="rule", value=rule.rule_name)
    if rule.project:
        yield Fact(name="project", value=rule.project)
    if rule.environment:
        yield Fact(name="environment", value=rule.environment)
    if incident.value:
        yield Fact(name=rule.group_by or "group", value=incident.value)
    yield Fact(name="found", value=words.found(rule, incident))
    yield Fact(name="since", value=f"{_time(incident.opened_at)} UTC")


def _links(rule: Rule, incident: Incident) -> Iterator[Link]:
    yield Link(label="Open", url=address_of(incident.pk))
    if incident.details:
        yield Link(label="First entry", url=entry_address(rule, incident.details))
    if rule.kind not in (Kind.MONITOR, Kind.ABSENCE, *OF_MOMENTS):
        yield Link(label="Entries", url=explorer_address(rule, incident))
    yield Link(label="Snooze", url=f"{address_of(incident.pk)}#silence")


def _data(rule: Rule, incident: Incident) -> dict[str, Any]:
    return {
        "incident_id": incident.pk,
        "rule_id": rule.pk,
        "rule_name": rule.rule_name,
        "kind": rule.kind,
        "group_by": rule.group_by or None,
        "value": incident.value,
        "count": incident.peak,
        "count_threshold": rule.count_threshold,
        "time_window_minutes": rule.time_window_minutes,
        "opened_at": incident.opened_at.isoformat(),
        "closed_at": incident.closed_at.isoformat() if incident.closed_at else None,
    }


def _quoted(text: str) -> str:
    if text.endswith("*"):
        return _escaped(text[:-1]) + "*"
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _escaped(text: str) -> str:
    return "".join(one if one.isalnum() or one in "_.-" else f"\\{one}" for one in text)


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M}"


def _iso(moment: datetime, *, minutes: int) -> str:
    return (moment + timedelta(minutes=minutes)).isoformat().replace("+00:00", "Z")
