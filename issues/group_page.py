"""The console's page of one group: what it is, how often, where, its newest entries, and what was decided about it."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from django.contrib import messages
from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils import timezone

from accounts.chosen import chosen_organisation
from accounts.looks import Look
from accounts.models import AccessRecord, Organisation, User
from accounts.staff_admin import member
from issues import reading, shown
from issues.changing import Actor, ChangeRefused
from issues.deciding import IGNORED, decide
from issues.list_page import MAY_DECIDE, names_of, record
from issues.models import Group
from issues.reading import Detail
from issues.rules import rules_of
from issues.shape import as_text
from issues.shown import Sample
from storage.store import store

MOST_NUMBER = 10**9
SAMPLES_SHOWN, FINGERPRINTS_SHOWN, STAFF_OFFERED = 6, 20, 200
RANGES = {"1": "Day", "14": "14 days", "90": "90 days"}
#: Of longer ranges the days are drawn, and not the hours.
HOURLY_DAYS = 14
HOUR = timedelta(hours=1)


def group(request: HttpRequest, site: AdminSite, number: int) -> HttpResponse:
    """Show a group of the chosen organisation, or do what a form of its page asks for."""
    organisation = chosen_organisation(request)
    if organisation is None or number >= MOST_NUMBER:
        raise Http404
    if request.method == "POST":
        return _decided(request, organisation, number)
    asked = request.GET.get("sample", "")
    record(request, organisation, Look(action=AccessRecord.Action.GROUP, subject=_subject(number, asked)))
    now = timezone.now()
    days = request.GET.get("days", "14")
    length = timedelta(days=int(days) if days in RANGES else 14)
    this_hour = now.replace(minute=0, second=0, microsecond=0)
    found = reading.group(organisation.pk, number, start=this_hour - length + HOUR, end=this_hour + HOUR)
    if found is None:
        raise Http404
    if found.summary.number != number:
        return HttpResponseRedirect(shown.address(organisation, found.summary.number))
    response = TemplateResponse(
        request, "admin/issues/group.html", {**site.each_context(request), **_context(organisation, found, asked)}
        | {"ranges": RANGES, "days": length.days, "may_decide": request.user.has_perm(MAY_DECIDE)},
    )  # fmt: skip
    response.headers["Cache-Control"] = "private, no-store"
    return response


def _context(organisation: Organisation, found: Detail, asked: str) -> dict[str, Any]:
    summary = found.summary
    samples = list(_samples(organisation, found, asked))
    turned = {turn.who_id for turn in found.turns} | {turn.details.get("user_id") for turn in found.turns}
    users = names_of({summary.assignee_id, *turned})
    in_all = max(sum(events for _, events in found.hours), 1)
    every = {"organisation": organisation.slug, "query": f"group:{summary.number}"}
    return {
        "title": f"#{summary.number} {summary.title}",
        "organisation": organisation,
        "group": summary,
        "people": shown.people_text(found.people),
        "assignee": users.get(summary.assignee_id or 0, ""),
        "why": found.fingerprints[0].why if found.fingerprints else "",
        "fingerprints": found.fingerprints[:FINGERPRINTS_SHOWN],
        "samples": samples,
        "sample": next((one for one in samples if str(one.entry.id) == asked), samples[0] if samples else None),
        "kept": len(found.samples),
        "acts": [shown.act(turn, users) for turn in found.turns],
        "releases": [named.name for named in found.releases if named.name],
        "tags": [(title, [(named, 100 * named.events // in_all) for named in counts])
                 for title, counts in (("Environments", found.environments), ("Releases", found.releases))],
        "explorer": shown.explorer(
            every | {"from": as_text(found.start), "to": as_text(found.end)}
        ),
        "chart": _chart(found),
        "ignored": IGNORED,
        "staff": User.objects.filter(is_active=True, is_staff=True).order_by("username")
        .values_list("username", flat=True)[:STAFF_OFFERED],
    }  # fmt: skip


def _samples(organisation: Organisation, found: Detail, asked: str) -> Iterator[Sample]:
    """Yield the newest entries that are still kept, and the one that is asked for if it is the group's."""
    prefixes = rules_of(organisation.pk).prefixes
    wanted = found.samples[:SAMPLES_SHOWN]
    wanted += [one for one in found.samples[SAMPLES_SHOWN:] if str(one) == asked]
    for entry_id in wanted:
        entry = store().reader.entry(organisation.pk, entry_id)
        if entry:
            yield shown.sample(organisation, found.summary.number, entry, prefixes)


def _chart(found: Detail) -> dict[str, Any]:
    """Return columns of the chart: every hour or, of a longer time, every day of the reader's has a value."""
    events = dict(found.hours)
    hours = [found.start + n * HOUR for n in range((found.end - found.start) // HOUR)]
    if found.end - found.start <= timedelta(days=HOURLY_DAYS):
        steps = [(hour, events.get(hour, 0)) for hour in hours]
    else:
        days = [list(ones) for _, ones in groupby(hours, lambda hour: timezone.localtime(hour).date())]
        steps = [(_beginning(day[0]), sum(events.get(hour, 0) for hour in day)) for day in days]
    return {
        "zone": timezone.get_current_timezone_name(),
        "times": [int(moment.timestamp()) for moment, _ in steps],
        "events": [count for _, count in steps],
    }


def _beginning(moment: datetime) -> datetime:
    return timezone.localtime(moment).replace(hour=0, minute=0, second=0, microsecond=0)


def _subject(number: int, sample: str) -> str:
    return f"#{number}, entry {sample}" if sample.isascii() and sample.isdecimal() else f"#{number}"


def _decided(request: HttpRequest, organisation: Organisation, number: int) -> HttpResponse:
    if not request.user.has_perm(MAY_DECIDE):
        raise PermissionDenied(MAY_DECIDE)
    try:
        said = decide(organisation.pk, number, request.POST.dict(), by=Actor(user_id=member(request).pk))
        messages.success(request, said)
    except ChangeRefused as error:
        messages.error(request, str(error))
    except Group.DoesNotExist as error:
        raise Http404 from error
    return HttpResponseRedirect(shown.address(organisation, number))
