"""What people decide about groups: each a change with a turn that says who. The admin and the API call these.

Merging and splitting move fingerprints, one change of an organisation at a time, with the locks that a drain counts
under; no count, and no entry, changes.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Sum
from django.db.models.functions import Now
from django.utils import timezone

from accounts.models import User
from foundation.postgres import fetch_all
from issues import numbers, reading
from issues.models import Allowance, Fingerprint, Group, Turn
from issues.regression import highest

MOST_MERGED = 100
MOST_RELEASES = 2_000  # of a project: all that are kept
MOST_OF_COMMENT = 10_000
MOST_OF_RELEASE = 128
#: What no state leaves to the next one.
NOTHING: dict[str, Any] = {
    "ignored_until": None, "ignored_events": None, "ignored_rate": None, "ignored_minutes": None,
    "ignored_people": None, "resolution": "", "resolved_in": "", "highest_releases": [], "is_regressed": False,
}  # fmt: skip
#: What a decision on a state changes of a group.
STANDING = ("state", "state_at", "older_events", *NOTHING)

#: As a drain takes them.
HOLD_OF_GROUPS = """
SELECT key FROM issues_fingerprint
 WHERE organisation_id = %s AND group_id = ANY (%s) ORDER BY organisation_id, key FOR NO KEY UPDATE
"""


class ChangeRefused(Exception):
    """Why a change cannot be made, for whoever asked."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who changes something: a member of staff, or whoever has an API key, named by its prefix."""

    user_id: int | None = None
    by_key: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ignoring:
    """Until when a group is ignored: whatever of these comes first."""

    until: datetime | None = None
    events: int | None = None
    minutes: int | None = None
    people: int | None = None


@dataclass(frozen=True, slots=True)
class Decided:
    """A decision on a group: what it has changed there, and what stood there before; `take_back` wants it."""

    number: int
    now: Mapping[str, Any]
    before: Mapping[str, Any]


def resolve(organisation_id: int, number: int, *, by: Actor, how: str = "now", release: str = "") -> Decided:
    """Resolve a group: now, in the next release, or in a release. Raises: `ChangeRefused`, `Group.DoesNotExist`."""
    if how not in Group.Resolution.values:
        raise ChangeRefused("A group is resolved now, in the next_release, or in a release.")
    if (how == "release") != bool(release):
        raise ChangeRefused("A release is named where a group is resolved in a release, and nowhere else.")
    if len(release) > MOST_OF_RELEASE:
        raise ChangeRefused(f"A release has at most {MOST_OF_RELEASE} characters.")
    with transaction.atomic():
        group = _held(organisation_id, number)
        known = [name for name, _ in reading.releases(organisation_id, group.project, limit=MOST_RELEASES)]
        if how == "next_release" and not known:
            raise ChangeRefused("No release of this project is known: its errors carry none.")
        details = {"how": how} | ({"release": release} if release else {})
        _turn(group, Turn.What.RESOLVED, by, details)
        return _change(
            group, "resolved", resolution=how, resolved_in=release, highest_releases=highest(known), older_events=0
        )


def unresolve(organisation_id: int, number: int, *, by: Actor) -> Decided | None:
    """Take back what was decided about a group. Raises: `Group.DoesNotExist`."""
    with transaction.atomic():
        group = _held(organisation_id, number)
        if group.state == Group.State.UNRESOLVED:
            return None
        _turn(group, Turn.What.UNRESOLVED, by)
        return _change(group, "unresolved")


def ignore(organisation_id: int, number: int, until: Ignoring, *, by: Actor) -> Decided:
    """Ignore a group for a while. Raises: `ChangeRefused`, `Group.DoesNotExist`."""
    given = [until.until, until.events, until.people]
    if not any(one is not None for one in given) or (until.minutes and not until.events):
        raise ChangeRefused("Say until when: a time, more events, more events in minutes, or more people.")
    if until.until and until.until <= timezone.now():
        raise ChangeRefused("A group is ignored until a time that is to come.")
    with transaction.atomic():
        group = _held(organisation_id, number)
        if group.state == Group.State.RESOLVED:
            raise ChangeRefused("A resolved group is not ignored: unresolve it first.")
        events, people = _sums(group)
        in_all = until.events is not None and not until.minutes
        named = {"events": until.events, "minutes": until.minutes, "people": until.people}
        details = {name: value for name, value in named.items() if value is not None}
        _turn(group, Turn.What.IGNORED, by, details | ({"until": until.until.isoformat()} if until.until else {}))
        return _change(
            group,
            "ignored",
            ignored_until=until.until,
            ignored_events=events + until.events if in_all and until.events else None,
            ignored_rate=until.events if until.minutes else None,
            ignored_minutes=until.minutes,
            ignored_people=people + until.people if until.people else None,
        )


def mute(organisation_id: int, number: int, *, by: Actor) -> Decided:
    """Ignore a group for ever. Raises: `Group.DoesNotExist`."""
    with transaction.atomic():
        group = _held(organisation_id, number)
        _turn(group, Turn.What.MUTED, by)
        return _change(group, "muted")


def assign(organisation_id: int, number: int, user_id: int | None, *, by: Actor) -> Decided | None:
    """Assign a group to a member of staff, or to nobody. Raises: `Group.DoesNotExist`."""
    with transaction.atomic():
        group = _held(organisation_id, number)
        if group.assignee_id == user_id:
            return None
        Group.objects.filter(pk=group.pk).update(assignee_id=user_id)
        _turn(group, Turn.What.ASSIGNED, by, {"user_id": user_id})
        return Decided(group.number, {"assignee_id": user_id}, {"assignee_id": group.assignee_id})


def comment(organisation_id: int, number: int, text: str, *, by: Actor) -> None:
    """Comment on a group. Raises: `ChangeRefused`, `Group.DoesNotExist`."""
    if not text.strip() or len(text) > MOST_OF_COMMENT:
        raise ChangeRefused(f"A comment has 1 to {MOST_OF_COMMENT:,} characters.")
    with transaction.atomic():
        _turn(_held(organisation_id, number), Turn.What.COMMENT, by, {"text": text.strip()})


def take_back(organisation_id: int, decided: Decided, *, by: Actor) -> None:
    """Put back what stood before a decision on a group, as long as nothing has happened to it since.

    Raises: `ChangeRefused`, `Group.DoesNotExist`.
    """
    with transaction.atomic():
        group = _held(organisation_id, decided.number)
        if group.number != decided.number or any(getattr(group, name) != was for name, was in decided.now.items()):
            raise ChangeRefused("It cannot be taken back: something has happened to the group since.")
        before = dict(decided.before)
        if before.get("assignee_id") and not User.objects.filter(pk=before["assignee_id"]).exists():
            before["assignee_id"] = None  # they have gone meanwhile
        Group.objects.filter(pk=group.pk).update(**before)
        _turn(group, Turn.What.UNDONE, by)


def merge(organisation_id: int, number: int, others: Collection[int], *, by: Actor) -> None:
    """Make one group of several; what the others were made of is one with the first. `split` takes it back.

    Raises: `ChangeRefused`, `Group.DoesNotExist`.
    """
    if not others or len(others) > MOST_MERGED:
        raise ChangeRefused(f"1 to {MOST_MERGED} groups are merged with another one.")
    with transaction.atomic():
        _hold_allowance(organisation_id)
        into = _found(organisation_id, number)
        merged = [one for one in (_found(organisation_id, other) for other in sorted(set(others))) if one.pk != into.pk]
        merged = list({one.pk: one for one in merged}.values())
        if not merged:
            raise ChangeRefused("A group is not merged with itself.")
        if len({into.project, *(one.project for one in merged)}) > 1:
            raise ChangeRefused("Groups of several projects are not merged.")
        if any(one.is_overflow for one in (into, *merged)):
            raise ChangeRefused("The errors for which there was no room are not merged with others.")
        ids = [one.pk for one in merged]
        keys = [key for (key,) in fetch_all(HOLD_OF_GROUPS, [organisation_id, [into.pk, *ids]])]
        list(Group.objects.select_for_update(no_key=True).filter(pk__in=[into.pk, *ids]).order_by("pk"))
        moved = list(Fingerprint.objects.filter(organisation_id=organisation_id, key__in=keys, group_id__in=ids)
                     .values_list("key", flat=True))  # fmt: skip
        Fingerprint.objects.filter(organisation_id=organisation_id, key__in=moved).update(group=into)
        Group.objects.filter(merged_into_id__in=ids).update(merged_into=into)
        Group.objects.filter(pk__in=ids).update(merged_into=into)
        _turn(into, Turn.What.MERGED, by, {"groups": [one.number for one in merged], "fingerprints": len(moved)})
        for one in merged:
            _turn(one, Turn.What.MERGED, by, {"into": into.number})
    numbers.forget()


def split(organisation_id: int, number: int, keys: Collection[int], *, by: Actor) -> list[int]:
    """Take fingerprints out of a group: each goes home to the group that it was made with, or else into a new one.

    Return the numbers of those groups. Raises: `ChangeRefused`, `Group.DoesNotExist`.
    """
    with transaction.atomic():
        allowance = _hold_allowance(organisation_id)
        group = _found(organisation_id, number)
        held = {key for (key,) in fetch_all(HOLD_OF_GROUPS, [organisation_id, [group.pk]])}
        if not keys or not set(keys) <= held:
            raise ChangeRefused("Name fingerprints of this group.")
        if set(keys) == held:
            raise ChangeRefused("A group keeps one fingerprint at least.")
        own = Fingerprint.objects.filter(organisation_id=organisation_id, key__in=sorted(keys)).select_related("home")
        homes: dict[int, list[Fingerprint]] = {}
        for one in own.order_by("key"):
            homes.setdefault(one.home_id, []).append(one)
        made = [_take_out(group, ones, allowance, by) for _, ones in sorted(homes.items())]
        Allowance.objects.filter(pk=organisation_id).update(alive=allowance.alive, last_number=allowance.last_number)
        _turn(group, Turn.What.SPLIT, by, {"groups": made, "fingerprints": len(keys)})
    numbers.forget()
    return made


def _take_out(group: Group, made: Sequence[Fingerprint], allowance: Allowance, by: Actor) -> int:
    """Move fingerprints of one home out of `group`; return the number of the group that they are in then."""
    home = made[0].home
    if home.pk == group.pk:
        allowance.alive += 1
        allowance.last_number += 1
        home = Group.objects.create(
            organisation_id=group.organisation_id,
            number=allowance.last_number,
            project=group.project,
            type=group.type,
            title=group.title,
            culprit=group.culprit,
        )
    keys = [one.key for one in made]
    Fingerprint.objects.filter(organisation_id=group.organisation_id, key__in=keys).update(group=home)
    Group.objects.filter(pk=home.pk).update(merged_into=None)
    _turn(home, Turn.What.SPLIT, by, {"from": group.number, "fingerprints": len(keys)})
    return home.number


def _hold_allowance(organisation_id: int) -> Allowance:
    """Lock what whoever makes, forgets or moves groups of an organisation holds. Without it there are no groups."""
    held = Allowance.objects.select_for_update().filter(pk=organisation_id).first()
    if held is None:
        raise Group.DoesNotExist
    return held


def _found(organisation_id: int, number: int) -> Group:
    """Return a group, or the one that it was merged into."""
    group = Group.objects.select_related("merged_into").get(organisation_id=organisation_id, number=number)
    return group.merged_into or group


def _held(organisation_id: int, number: int) -> Group:
    """As `_found`, locked until the transaction ends."""
    return Group.objects.select_for_update(no_key=True).get(pk=_found(organisation_id, number).pk)


def _change(group: Group, state: str, **details: Any) -> Decided:
    """Give a group a state; of the details of others nothing is left."""
    before = {name: getattr(group, name) for name in STANDING}
    Group.objects.filter(pk=group.pk).update(state=state, state_at=Now(), **NOTHING | details)
    group.refresh_from_db(fields=["state_at"])
    return Decided(group.number, {"state_at": group.state_at}, before)


def _turn(group: Group, what: str, by: Actor, details: dict[str, Any] | None = None) -> None:
    Turn.objects.create(
        group=group,
        organisation_id=group.organisation_id,
        what=what,
        who_id=by.user_id,
        by_key=by.by_key,
        details=details or {},
    )


def _sums(group: Group) -> tuple[int, int]:
    sums = Fingerprint.objects.filter(group=group).aggregate(events=Sum("events"), people=Sum("people"))
    return sums["events"] or 0, sums["people"] or 0
