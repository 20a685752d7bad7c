"""The console's pages of incidents: the list, and one with what was told of it, and what can be done about it."""

from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages as said
from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone

from accounts.chosen import chosen_organisation
from accounts.models import Organisation
from accounts.staff import member
from alerts import changing, messages, words
from alerts.changing import Actor
from alerts.incidents import place
from alerts.models import Incident, Rule, Silence
from alerts.terms import OF_MOMENTS, OF_TURNS, Kind

MAY_LOOK = "alerts.view_incident"
MAY_ACKNOWLEDGE = "alerts.change_incident"
MAY_SILENCE = "alerts.add_silence"
SHOWN, EARLIER_SHOWN = 50, 10
MOST_NUMBER = 2**62
STATES = {"open": "Open", "closed": "Over", "all": "All"}
LENGTHS = {"1": "for an hour", "4": "for 4 hours", "24": "for a day", "168": "for a week"}
TOLD = {
    "": "Nobody was told yet.",
    "told": "Channels were told.",
    "silenced": "It was silenced: nobody was told.",
    "cooled": "It came within the rule's cool-down: nobody was told.",
    "flapping": "It came for the fourth time within an hour: channels were told that it flaps.",
    "flaps_on": "It flaps: channels are told once it was quiet for an hour.",
}


def incidents(request: HttpRequest, site: AdminSite) -> HttpResponse:
    """Show the newest incidents of the chosen organisation."""
    organisation = chosen_organisation(request)
    state = request.GET.get("state", "")
    state = state if state in STATES else "open"
    rows = _rows(request, organisation, state) if organisation else []
    context = {
        **site.each_context(request),
        "title": f"Incidents of {organisation}" if organisation else "Incidents",
        "organisation": organisation,
        "state": state,
        "states": [(name, title, _address(organisation, state=name)) for name, title in STATES.items()],
        "rows": [_row(row) for row in rows[:SHOWN]],
        "next": _address(organisation, state=state, before=rows[SHOWN - 1].pk) if len(rows) > SHOWN else "",
        "has_rules": organisation is not None and Rule.objects.filter(organisation=organisation).exists(),
    }
    response = TemplateResponse(request, "admin/alerts/incidents.html", context)
    response.headers["Cache-Control"] = "private, no-store"
    return response


def incident(request: HttpRequest, site: AdminSite, number: int) -> HttpResponse:
    """Show an incident, or do what a form of its page asks for."""
    found = (
        Incident.objects.filter(pk=number).select_related("rule__organisation").first()
        if number < MOST_NUMBER
        else None
    )
    if found is None:
        raise Http404
    if request.method == "POST":
        return _done(request, found)
    earlier = Incident.objects.filter(rule=found.rule, value=found.value, opened_at__lt=found.opened_at)
    group = int(found.value) if _is_of_group(found) and found.value.isdecimal() else None
    context = {
        **site.each_context(request),
        "title": messages.subject_of(found.rule, found),
        "incident": found,
        "rule": found.rule,
        "organisation": found.rule.organisation,
        "found": words.found(found.rule, found),
        "told": TOLD[found.told],
        "explorer": messages.explorer_address(found.rule, found) if _has_entries(found.rule) else "",
        "group": f"{reverse('admin:errors')}{group}/?{urlencode({'organisation': found.rule.organisation.slug})}"
        if group is not None
        else "",
        "drift": found.details,
        "entry": messages.entry_address(found.rule, found.details) if found.details else "",
        "earlier": [_row(row) for row in earlier.select_related("rule").order_by("-opened_at")[:EARLIER_SHOWN]],
        "lengths": LENGTHS,
        "may_acknowledge": request.user.has_perm(MAY_ACKNOWLEDGE),
        "may_silence": request.user.has_perm(MAY_SILENCE),
    }
    response = TemplateResponse(request, "admin/alerts/incident.html", context)
    response.headers["Cache-Control"] = "private, no-store"
    return response


def _rows(request: HttpRequest, organisation: Organisation, state: str) -> list[Incident]:
    found = Incident.objects.filter(organisation_id=organisation.pk).select_related("rule").order_by("-id")
    if state != "all":
        found = found.filter(closed_at__isnull=state == "open")
    before = request.GET.get("before", "")
    if before.isascii() and before.isdecimal() and len(before) < 19:
        found = found.filter(pk__lt=int(before))
    return list(found[: SHOWN + 1])


def _row(row: Incident) -> dict[str, Any]:
    return {
        "incident": row,
        "subject": messages.subject_of(row.rule, row),
        "found": words.found(row.rule, row),
        "told": row.get_told_display(),
        "url": messages.address_of(row.pk),
    }


def _address(organisation: Organisation | None, **given: Any) -> str:
    return "?" + urlencode(({"organisation": organisation.slug} if organisation else {}) | given)


def _is_of_group(found: Incident) -> bool:
    return found.rule.group_by == Rule.GroupBy.GROUP or found.rule.kind in OF_TURNS


def _has_entries(rule: Rule) -> bool:
    return rule.kind not in (Kind.MONITOR, Kind.ABSENCE, *OF_MOMENTS)


def _done(request: HttpRequest, found: Incident) -> HttpResponse:
    by = Actor(user_id=member(request).pk, name=member(request).get_username())
    match request.POST.get("action"):
        case "acknowledge":
            _require(request, MAY_ACKNOWLEDGE)
            changing.acknowledge(found, by=by)
            said.success(request, "Acknowledged.")
        case "silence":
            _require(request, MAY_SILENCE)
            hours = request.POST.get("hours", "")
            length = timedelta(hours=int(hours) if hours in LENGTHS else 1)
            reason = request.POST.get("reason", "").replace("\0", "").strip()[:200] or f"incident {found.pk}"
            here = place(found.rule, found)
            changing.silence(
                Silence(
                    organisation_id=found.organisation_id,
                    rule_id=found.rule_id,
                    project=here.project,
                    environment=here.environment,
                    group=here.group,
                    until=timezone.now() + length,
                    reason=reason,
                ),
                by=by,
            )
            said.success(request, f"Silenced {LENGTHS.get(hours, LENGTHS['1'])}.")
        case _:
            said.warning(request, "Nothing was asked for.")
    return HttpResponseRedirect(request.path)


def _require(request: HttpRequest, permission: str) -> None:
    if not request.user.has_perm(permission):
        raise PermissionDenied(permission)
