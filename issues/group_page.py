"""The console's page of one group: what it is, how often, where, its entries, and what was decided about it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils import timezone

from accounts.chosen import chosen_organisation
from accounts.looks import Look
from accounts.models import AccessRecord, Organisation
from accounts.staff import member
from issues import group_chart, reading, shown, undoing
from issues.changing import Actor, ChangeRefused
from issues.deciding import IGNORED, decide, staff
from issues.group_chart import DIVIDED_BY, HOUR
from issues.list_page import names_of, record, undo
from issues.models import Group
from issues.numbers import MOST_NUMBER
from issues.permissions import MAY_DECIDE
from issues.reading import Detail
from issues.rules import rules_of
from issues.shape import as_text
from issues.shown import Sample
from storage.store import store

SAMPLES_SHOWN, FINGERPRINTS_SHOWN = 6, 20
RANGES = {"1": "Day", "14": "14 days", "90": "90 days"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Samples:
    """The entry that is shown, its place among those that are remembered, and its neighbours; ids as texts."""

    shown: Sample | None
    newest: Sequence[Sample]
    place: int
    of: int
    newer: str = ""
    older: str = ""
    first: str = ""


def group(request: HttpRequest, site: AdminSite, number: int) -> HttpResponse:
    """Show a group of the chosen organisation, or do what a form of its page asks for."""
    organisation = chosen_organisation(request)
    if organisation is None or number >= MOST_NUMBER:
        raise Http404
    if request.method == "POST":
        return _decided(request, organisation, number)
    asked = request.GET.get("sample", "")
    record(request, organisation, Look(action=AccessRecord.Action.GROUP, subject=_subject(number, asked)))
    days, by = request.GET.get("days", "14"), request.GET.get("by", "")
    length = timedelta(days=int(days) if days in RANGES else 14)
    end = timezone.now().replace(minute=0, second=0, microsecond=0) + HOUR
    found = reading.group(organisation.pk, number, start=end - length, end=end)
    if found is None:
        raise Http404
    if found.summary.number != number:
        return HttpResponseRedirect(shown.address(organisation, found.summary.number))
    context = {
        **site.each_context(request),
        **_context(organisation, found, asked),
        "chart": group_chart.chart(organisation.pk, found, by=by),
        "ranges": RANGES,
        "days": length.days,
        "by": by if by in DIVIDED_BY else "",
        "divided_by": ["", *DIVIDED_BY],
        "may_decide": request.user.has_perm(MAY_DECIDE),
    }
    response = TemplateResponse(request, "admin/issues/group.html", context)
    response.headers["Cache-Control"] = "private, no-store"
    return response


def _context(organisation: Organisation, found: Detail, asked: str) -> dict[str, Any]:
    summary, samples = found.summary, _samples(organisation, found, asked)
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
        "merge_url": shown.merge_address(organisation, summary.number, ()),
        "split_url": shown.below("error_split", organisation, summary.number),
        "samples": samples,
        "facts": shown.facts_of(organisation, found, samples.shown.entry) if samples.shown else [],
        "acts": [shown.act(turn, users) for turn in found.turns],
        "releases": [name for name, _ in reading.releases(organisation.pk, summary.project)],
        "tags": [(title, [(named, 100 * named.events // in_all) for named in counts])
                 for title, counts in (("Environments", found.environments), ("Releases", found.releases))],
        "explorer": shown.explorer(
            every | {"from": as_text(found.start), "to": as_text(found.end)}
        ),
        "ignored": IGNORED,
        "staff": staff(),
    }  # fmt: skip


def _samples(organisation: Organisation, found: Detail, asked: str) -> Samples:
    """Return the newest entries that are still kept, and the one that is asked for if it is the group's."""
    ids = found.samples
    kept = {sample.entry.id: sample for sample in _kept(organisation, found, ids[:SAMPLES_SHOWN])}
    newest = list(kept.values())
    chosen = next((one for one in ids if str(one) == asked), newest[0].entry.id if newest else 0)
    if chosen and chosen not in kept:
        kept |= {sample.entry.id: sample for sample in _kept(organisation, found, [chosen])}
    place = ids.index(chosen) if chosen in ids else 0
    return Samples(
        shown=kept.get(chosen),
        newest=newest,
        place=place + 1,
        of=len(ids),
        newer=str(ids[place - 1]) if place else "",
        older=str(ids[place + 1]) if place + 1 < len(ids) else "",
        first=str(ids[-1]) if place + 1 < len(ids) else "",
    )


def _kept(organisation: Organisation, found: Detail, ids: Sequence[int]) -> Iterator[Sample]:
    prefixes = rules_of(organisation.pk).prefixes
    for entry_id in ids:
        entry = store().reader.entry(organisation.pk, entry_id)
        if entry:
            yield shown.sample(organisation, found, entry, prefixes)


def _subject(number: int, sample: str) -> str:
    return f"#{number}, entry {sample}" if sample.isascii() and sample.isdecimal() else f"#{number}"


def _decided(request: HttpRequest, organisation: Organisation, number: int) -> HttpResponse:
    if not request.user.has_perm(MAY_DECIDE):
        raise PermissionDenied(MAY_DECIDE)
    asked, by = request.POST.dict(), Actor(user_id=member(request).pk)
    try:
        if asked.get("undo"):
            undo(request, organisation, by=by)
        else:
            done = decide(organisation.pk, number, asked, by=by)
            decisions = [done.decided] if done.decided else []
            messages.success(request, undoing.with_button(done.said, decisions, organisation_id=organisation.pk))
    except ChangeRefused as error:
        messages.error(request, str(error))
    except Group.DoesNotExist as error:
        raise Http404 from error
    return HttpResponseRedirect(shown.address(organisation, number))
