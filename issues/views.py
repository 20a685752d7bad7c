"""The API of error groups: to read with scope `read`, to change with scope `manage`."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any, TypeVar, cast

from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import ApiKey, User
from accounts.permissions import caller_of
from foundation.json_object import read_object
from foundation.parameters import Parameters
from foundation.refusals import Refusal
from issues import changing, cursors, listing, reading, schema, shape
from issues.changing import Actor, ChangeRefused, Ignoring
from issues.listing import SORTS, STATES, Sort, Summary, Wanted
from issues.models import Group
from issues.numbers import MOST_NUMBER
from issues.reading import Detail
from quotas.private_views import ChangingView

T = TypeVar("T")
FILTERS = ("state", "project", "environment", "release", "query", "sort")
MOST_GROUPS = 100
CHANGES = ("state", "resolution", "release", "ignore", "assignee", "comment")
IGNORE = ("until", "events", "minutes", "people")


class GroupsView(ChangingView):
    parameters = (*FILTERS, "limit", "cursor")

    @schema.GROUPS
    def get(self, request: Request) -> Response:
        """Return a page of groups."""
        organisation_id, parameters = self.asked(request)
        wanted = _wanted(parameters)
        cursor = parameters.text("cursor")
        page = listing.groups(
            organisation_id,
            wanted,
            limit=parameters.number("limit", default=50, lowest=1, highest=MOST_GROUPS),
            after=cursors.read(cursor, sort=wanted.sort, organisation_id=organisation_id) if cursor else None,
        )
        users = _users(page.groups)
        return Response(
            {
                "groups": [shape.summary(one, users) for one in page.groups],
                "next_cursor": cursors.sign(page.after, sort=wanted.sort, organisation_id=organisation_id)
                if page.after
                else None,
            }
        )


class OneGroupView(ChangingView):
    parameters = ("from", "to")

    @schema.GROUP
    def get(self, request: Request, number: str) -> Response:
        """Return one group."""
        organisation_id, parameters = self.asked(request)
        start, end = parameters.moment("from"), parameters.moment("to")
        if start and start >= (end or datetime.now(UTC)):
            raise Refusal("invalid_parameter", "from must be earlier than to.")
        return _answer(reading.group(organisation_id, int(number), start=start, end=end))

    @schema.CHANGE
    def patch(self, request: Request, number: str) -> Response:
        """Change what was decided about a group."""
        organisation_id, _ = self.asked(request)
        asked = _body(request, CHANGES)
        _changed(lambda: _change(organisation_id, int(number), asked, by=_actor(request)))
        return _answer(reading.group(organisation_id, int(number)))


class MergeView(ChangingView):
    @schema.MERGE
    def post(self, request: Request, number: str) -> Response:
        """Make one group of several."""
        organisation_id, _ = self.asked(request)
        others = _body(request, ("groups",)).get("groups")
        if not isinstance(others, list) or not all(_is_number(one) for one in others):
            raise Refusal("invalid_payload", "groups must be a list of groups' numbers.")
        _changed(lambda: changing.merge(organisation_id, int(number), others, by=_actor(request)))
        return _answer(reading.group(organisation_id, int(number)))


class SplitView(ChangingView):
    @schema.SPLIT
    def post(self, request: Request, number: str) -> Response:
        """Take fingerprints out of a group."""
        organisation_id, _ = self.asked(request)
        texts = _body(request, ("fingerprints",)).get("fingerprints")
        keys = [shape.read_key(text) for text in texts] if isinstance(texts, list) else [None]
        if None in keys:
            raise Refusal("invalid_payload", "fingerprints must be a list of keys of the group's fingerprints.")
        known = cast(list[int], keys)
        numbers = _changed(lambda: changing.split(organisation_id, int(number), known, by=_actor(request)))
        return Response({"groups": numbers})


def _wanted(parameters: Parameters) -> Wanted:
    return Wanted(
        state=parameters.choice("state", STATES),
        project=_filter(parameters, "project"),
        environment=_filter(parameters, "environment"),
        release=_filter(parameters, "release"),
        text=_filter(parameters, "query"),
        sort=cast(Sort, parameters.choice("sort", tuple(SORTS))),
    )


def _filter(parameters: Parameters, name: str) -> str | None:
    text = parameters.text(name)
    if text and ("\0" in text or len(text) > 200):
        raise Refusal("invalid_parameter", f"{name} has at most 200 characters, none of them U+0000.")
    return text


def _body(request: Request, names: Iterable[str]) -> dict[str, Any]:
    asked = read_object(request._request)
    if not asked or not set(asked) <= set(names):
        raise Refusal("invalid_payload", f"The body holds some of {', '.join(names)}, and nothing else.")
    return asked


def _is_number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value < MOST_NUMBER


def _actor(request: Request) -> Actor:
    key = ApiKey.objects.filter(pk=caller_of(request).api_key_id).values_list("prefix", flat=True).first()
    return Actor(by_key=key or "")


def _change(organisation_id: int, number: int, asked: dict[str, Any], *, by: Actor) -> None:
    if "state" in asked:
        _decide(organisation_id, number, asked, by=by)
    elif {"resolution", "release", "ignore"} & asked.keys():
        raise Refusal("invalid_payload", "resolution, release and ignore go with state.")
    if "assignee" in asked:
        changing.assign(organisation_id, number, _assignee(asked["assignee"]), by=by)
    if "comment" in asked:
        changing.comment(organisation_id, number, _text(asked, "comment"), by=by)


def _decide(organisation_id: int, number: int, asked: dict[str, Any], *, by: Actor) -> None:
    match asked["state"]:
        case "resolved":
            how = _text(asked, "resolution") or ("release" if asked.get("release") else "now")
            changing.resolve(organisation_id, number, by=by, how=how, release=_text(asked, "release"))
        case "unresolved":
            changing.unresolve(organisation_id, number, by=by)
        case "ignored":
            changing.ignore(organisation_id, number, _ignoring(asked.get("ignore")), by=by)
        case "muted":
            changing.mute(organisation_id, number, by=by)
        case _:
            raise Refusal("invalid_payload", "state must be one of unresolved, resolved, ignored, muted.")


def _text(asked: dict[str, Any], name: str) -> str:
    text = asked.get(name) or ""
    if not isinstance(text, str):
        raise Refusal("invalid_payload", f"{name} must be a text.")
    return text


def _ignoring(asked: object) -> Ignoring:
    if not isinstance(asked, dict) or not set(asked) <= set(IGNORE):
        raise Refusal("invalid_payload", f"ignore holds some of {', '.join(IGNORE)}.")
    numbers = {name: asked.get(name) for name in IGNORE[1:]}
    if any(value is not None and not _is_number(value) for value in numbers.values()):
        raise Refusal("invalid_payload", "events, minutes and people must be whole numbers from 1 on.")
    until = asked.get("until")
    moment = Parameters({"until": until}).moment("until") if isinstance(until, str) else None
    if until is not None and moment is None:
        raise Refusal("invalid_payload", "until must be an RFC 3339 date and time.")
    return Ignoring(until=moment, **numbers)


def _assignee(username: object) -> int | None:
    if username is None:
        return None
    found = User.objects.filter(username=username, is_active=True).values_list("pk", flat=True).first()
    if found is None:
        raise Refusal("invalid_payload", "assignee must be the name of a member of staff, or null.")
    return found


def _changed(change: Callable[[], T]) -> T:
    try:
        return change()
    except ChangeRefused as error:
        raise Refusal("invalid_payload", str(error)) from error
    except Group.DoesNotExist as error:
        raise Refusal("not_found") from error


def _answer(found: Detail | None) -> Response:
    if found is None:
        raise Refusal("not_found")
    return Response(shape.detail(found, _users([found.summary], *(turn.who_id for turn in found.turns))))


def _users(groups: Iterable[Summary], *others: int | None) -> dict[int, str]:
    """Return the names of those who are named."""
    ids = {one for one in (*(group.assignee_id for group in groups), *others) if one}
    return dict(User.objects.filter(pk__in=ids).values_list("pk", "username")) if ids else {}
