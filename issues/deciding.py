"""What a form of the console asks for about a group, done. The form's words are here; what they do is in `changing`."""

from collections.abc import Mapping
from datetime import timedelta

from django.utils import timezone

from accounts.models import User
from issues import changing
from issues.changing import Actor, ChangeRefused, Ignoring

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


def decide(organisation_id: int, number: int, asked: Mapping[str, str], *, by: Actor) -> str:
    """Do what `asked` says and return what was done. Raises: `ChangeRefused`, `Group.DoesNotExist`."""
    match asked.get("action"):
        case "resolve":
            changing.resolve(organisation_id, number, by=by)
            return "Resolved."
        case "next_release":
            changing.resolve(organisation_id, number, by=by, how="next_release")
            return "Resolved in the next release."
        case "release":
            release = _text(asked, "release")
            if not release:
                raise ChangeRefused("Name the release that resolves it.")
            changing.resolve(organisation_id, number, by=by, how="release", release=release)
            return f"Resolved in {release}."
        case "ignore":
            changing.ignore(organisation_id, number, _ignoring(_text(asked, "until")), by=by)
            return f"Ignored {IGNORED[_text(asked, 'until')]}."
        case "mute":
            changing.mute(organisation_id, number, by=by)
            return "Muted."
        case "unresolve":
            changing.unresolve(organisation_id, number, by=by)
            return "Unresolved."
        case "assign":
            changing.assign(organisation_id, number, _assignee(_text(asked, "assignee")), by=by)
            return "Assigned."
        case "comment":
            changing.comment(organisation_id, number, _text(asked, "comment"), by=by)
            return "Your comment is kept."
    raise ChangeRefused("Choose what is to be done.")


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
