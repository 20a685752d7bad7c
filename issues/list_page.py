"""The console's list of errors: what is new, what came back, and decisions on several at once.

Who may look at logs may look at it, each look is recorded first; who decides needs a permission more.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, cast
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils import timezone

from accounts import looks
from accounts.addresses import client_address
from accounts.chosen import chosen_organisation
from accounts.looks import Look
from accounts.models import AccessRecord, Organisation, User
from accounts.staff import member
from foundation.refusals import Refusal
from issues import cursors, listing, shown, undoing
from issues.changing import Actor, ChangeRefused
from issues.deciding import IGNORED, Done, decide, staff
from issues.glances import counts, glances
from issues.listing import SORTS, Position, Sort, Wanted
from issues.models import Group
from issues.permissions import MAY_DECIDE
from privacy.recorded import as_recorded

SHOWN = 25
MOST_CHARACTERS = 200
STATES = {
    "unresolved": "Unresolved",
    "new": "New",
    "regressed": "Regressed",
    "resolved": "Resolved",
    "ignored": "Ignored",
    "muted": "Muted",
    "all": "All",
}
ORDERS = {"last_seen": "last seen", "first_seen": "first seen", "events": "events", "people": "people"}
TEXTS = ("query", "project", "environment", "release")
SEEN = {"1": "24 hours", "7": "7 days", "14": "14 days", "30": "30 days"}


def errors(request: HttpRequest, site: AdminSite) -> HttpResponse:
    """Show a page of the chosen organisation's groups, or decide on those that were ticked."""
    organisation = chosen_organisation(request)
    if organisation is None:
        return TemplateResponse(request, "admin/issues/errors.html", {**site.each_context(request), "title": "Errors"})
    if request.method == "POST":
        return _decided(request, organisation)
    asked = _asked(request)
    position = _position(request, asked["sort"], organisation)
    query = " ".join(f"{name}:{value}" for name, value in asked.items() if value and name != "sort")
    record(request, organisation, Look(action=AccessRecord.Action.GROUPS, query=as_recorded(query, organisation.pk)))
    page = listing.groups(organisation.pk, _wanted(asked), limit=SHOWN, after=position)
    context = {
        **site.each_context(request),
        "title": f"Errors of {organisation}",
        "organisation": organisation,
        **_choices(organisation, asked),
        **_found(organisation, asked, page),
        "first": _address(organisation, asked) if position else "",
        "may_decide": request.user.has_perm(MAY_DECIDE),
    }
    response = TemplateResponse(request, "admin/issues/errors.html", context)
    response.headers["Cache-Control"] = "private, no-store"
    return response


def _choices(organisation: Organisation, asked: dict[str, str]) -> dict[str, Any]:
    """Return what the page says of the question: states with counts, orders, and who may be chosen."""
    many = counts(organisation.pk, replace(_wanted(asked), state="all"))
    return {
        "asked": asked,
        "states": [
            (state, title, many.get(state), _address(organisation, asked | {"state": state}))
            for state, title in STATES.items()
        ],
        "orders": ORDERS,
        "sorted_by": {name: _address(organisation, asked | {"sort": name}) for name in ORDERS},
        "seen": SEEN,
        "ignored": IGNORED,
        "staff": staff(),
        "projects": organisation.projects.order_by("slug").values_list("slug", flat=True),
        "everything": _address(organisation, {"state": "all"}),
    }


def _found(organisation: Organisation, asked: dict[str, str], page: listing.Page) -> dict[str, Any]:
    """Return what the page says of the groups that were found."""
    seen = glances(organisation.pk, [group.id for group in page.groups], now=timezone.now())
    users = names_of({group.assignee_id for group in page.groups})
    is_narrowed = asked["state"] not in ("unresolved", "all") or any(asked[name] for name in (*TEXTS, "seen"))
    return {
        "environments": sorted({name for one in seen.values() for name in one.environments}),
        "releases": sorted({one.release for one in seen.values() if one.release}),
        "rows": [shown.row(organisation, group, seen[group.id], users) for group in page.groups],
        "next": _next(organisation, asked, page.after),
        "is_empty": not page.groups and not is_narrowed and _has_none(organisation),
    }


def record(request: HttpRequest, organisation: Organisation, look: Look) -> None:
    """Record that whoever asks is about to look."""
    looks.record(look, by=member(request), organisation=organisation, address=client_address(request))


def names_of(user_ids: set[int | None]) -> dict[int, str]:
    """Return the names of members of staff."""
    ids = [one for one in user_ids if one]
    return dict(User.objects.filter(pk__in=ids).values_list("pk", "username")) if ids else {}


def _asked(request: HttpRequest) -> dict[str, str]:
    given = {name: request.GET.get(name, "").replace("\0", "").strip()[:MOST_CHARACTERS] for name in TEXTS}
    state, sort, seen = (request.GET.get(name, "") for name in ("state", "sort", "seen"))
    return {
        "state": state if state in STATES else "unresolved",
        **given,
        "seen": seen if seen in SEEN else "",
        "sort": sort if sort in SORTS else "last_seen",
    }


def _wanted(asked: dict[str, str]) -> Wanted:
    return Wanted(
        state=asked["state"],
        project=asked["project"] or None,
        environment=asked["environment"] or None,
        release=asked["release"] or None,
        text=asked["query"] or None,
        sort=cast(Sort, asked["sort"]),
        since=timezone.now() - timedelta(days=int(asked["seen"])) if asked["seen"] else None,
    )


def _position(request: HttpRequest, sort: str, organisation: Organisation) -> Position | None:
    """Return where the page before ended; a text that is of another list begins anew."""
    try:
        cursor = request.GET.get("cursor")
        return cursors.read(cursor, sort=sort, organisation_id=organisation.pk) if cursor else None
    except Refusal:
        return None


def _address(organisation: Organisation, asked: dict[str, str]) -> str:
    return "?" + urlencode(
        {"organisation": organisation.slug} | {name: value for name, value in asked.items() if value}
    )


def _next(organisation: Organisation, asked: dict[str, str], after: Position | None) -> str:
    if after is None:
        return ""
    cursor = cursors.sign(after, sort=asked["sort"], organisation_id=organisation.pk)
    return _address(organisation, asked | {"cursor": cursor})


def _has_none(organisation: Organisation) -> bool:
    return not listing.groups(organisation.pk, Wanted(), limit=1).groups


def _decided(request: HttpRequest, organisation: Organisation) -> HttpResponse:
    """Decide on each group that was ticked; what cannot be done is said, and stops no other."""
    if not request.user.has_perm(MAY_DECIDE):
        raise PermissionDenied(MAY_DECIDE)
    numbers = sorted(
        {int(one) for one in request.POST.getlist("number") if one.isascii() and one.isdecimal() and len(one) < 10}
    )[:SHOWN]
    asked, by = request.POST.dict(), Actor(user_id=member(request).pk)
    if asked.get("undo"):
        undo(request, organisation, by=by)
    elif asked.get("action") == "merge":
        return _to_merge(request, organisation, numbers)
    elif numbers:
        _decide_on_each(request, organisation, numbers, asked, by=by)
    else:
        messages.warning(request, "Tick the groups that are meant.")
    return HttpResponseRedirect(request.get_full_path())


def _decide_on_each(
    request: HttpRequest, organisation: Organisation, numbers: Sequence[int], asked: Mapping[str, str], *, by: Actor
) -> None:
    done: list[Done] = []
    for number in numbers:
        try:
            done.append(decide(organisation.pk, number, asked, by=by))
        except (ChangeRefused, Group.DoesNotExist) as error:
            messages.error(request, f"#{number}: {error if isinstance(error, ChangeRefused) else 'it is gone.'}")
    if done:
        said = f"{len(done)} group{'s' if len(done) > 1 else ''}: {done[-1].said}"
        decisions = [one.decided for one in done if one.decided]
        messages.success(request, undoing.with_button(said, decisions, organisation_id=organisation.pk))


def _to_merge(request: HttpRequest, organisation: Organisation, numbers: Sequence[int]) -> HttpResponse:
    """Lead to the preview of a merge into the group with most events."""
    found = listing.some(organisation.pk, numbers)
    if len(found) < 2:
        messages.warning(request, "Tick two groups or more to merge them.")
        return HttpResponseRedirect(request.get_full_path())
    return HttpResponseRedirect(shown.merge_address(organisation, found[0].number, numbers))


def undo(request: HttpRequest, organisation: Organisation, *, by: Actor) -> None:
    """Take back the decisions of a button that was pressed, and say so."""
    try:
        refused = undoing.undo(organisation.pk, request.POST.get("undo", ""), by=by)
    except ChangeRefused as error:
        refused = [str(error)]
    for one in refused:
        messages.error(request, one)
    if not refused:
        messages.success(request, "Taken back.")
