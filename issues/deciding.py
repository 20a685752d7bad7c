"""What a form of the console asks for about a group, done. The form's words are here; what they do is in `changing`."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from django.utils import timezone

from accounts.models import User
from issues import changing
from issues.changing import Actor, ChangeRefused, Decided, Ignoring

#: How long a group is ignored, as forms offer it.
IGNORED = {
    "hour": "for an hour",
    "day": "for a day",
    "week": "for a week",
    "100-events": "until 100 more events",
    "1000-events": "until 1,000 more events",
    "100-an-hour": "until 100 events in an hour",
    "10-people": "until 10 more people",
}
_LENGTHS = {"hour": timedelta(hours=1), "day": timedelta(days=1), "week": timedelta(days=7)}
_BOUNDS = {
    "100-events": Ignoring(events=100),
    "1000-events": Ignoring(events=1_000),
    "100-an-hour": Ignoring(events=100, minutes=60),
    "10-people": Ignoring(people=10),
}
STAFF_OFFERED = 200


@dataclass(frozen=True, slots=True)
class Done:
    """What was done, in words, and what takes it back, if anything does."""

    said: str
    decided: Decided | None = None


def decide(organisation_id: int, number: int, asked: Mapping[str, str], *, by: Actor) -> Done:
    """Do what `asked` says. Raises: `ChangeRefused`, `Group.DoesNotExist`."""
    match asked.get("action"):
        case "resolve":
            return Done("Resolved.", changing.resolve(organisation_id, number, by=by))
        case "next_release":
            decided = changing.resolve(organisation_id, number, by=by, how="next_release")
            return Done("Resolved in the next release.", decided)
        case "release":
            release = _text(asked, "release")
            if not release:
                raise ChangeRefused("Name the release that resolves it.")
            decided = changing.resolve(organisation_id, number, by=by, how="release", release=release)
            return Done(f"Resolved in {release}.", decided)
        case "ignore":
            ignoring = _ignoring(_text(asked, "until"))
            decided = changing.ignore(organisation_id, number, ignoring, by=by)
            return Done(f"Ignored {IGNORED[_text(asked, 'until')]}.", decided)
        case "mute":
            return Done("Muted.", changing.mute(organisation_id, number, by=by))
        case "unresolve":
            return Done("Unresolved.", changing.unresolve(organisation_id, number, by=by))
        case "assign":
            assignee = _assignee(_text(asked, "assignee"))
            return Done("Assigned.", changing.assign(organisation_id, number, assignee, by=by))
        case "comment":
            changing.comment(organisation_id, number, _text(asked, "comment"), by=by)
            return Done("Your comment is kept.")
    raise ChangeRefused("Choose what is to be done.")


def staff() -> list[str]:
    """Return the names of those to whom a group may be assigned."""
    found = User.objects.filter(is_active=True, is_staff=True).order_by("username")
    return list(found.values_list("username", flat=True)[:STAFF_OFFERED])


def _text(asked: Mapping[str, str], name: str) -> str:
    return asked.get(name, "").replace("\0", "").strip()


def _ignoring(until: str) -> Ignoring:
    if until in _LENGTHS:
        return Ignoring(until=timezone.now() + _LENGTHS[until])
    if until not in _BOUNDS:
        raise ChangeRefused("Choose until when it is ignored.")
    return _BOUNDS[until]


def _assignee(username: str) -> int | None:
    if not username:
        return None
    found = User.objects.filter(username=username, is_active=True, is_staff=True).values_list("pk", flat=True).first()
    if found is None:
        raise ChangeRefused("Assign it to a member of staff who may log in.")
    return found
