"""The console's page of a group's evidence, which the group's own page takes into itself, and its forms."""

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.template.response import TemplateResponse

from accounts.addresses import client_address
from accounts.chosen import chosen_organisation
from accounts.looks import Look
from accounts.models import AccessRecord, Organisation
from accounts.staff import member
from assist import asking, spending
from assist.asking import MAY_ASK, Answered, Asker, NotAsked
from assist.evidence import Evidence, evidence_of
from foundation.refusals import Refusal
from issues.list_page import record
from issues.shown import address

MOST_NUMBER = 10**9


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a page says of the model: whether it may be asked, by whoever reads it, and what it has suggested."""

    model: str
    host: str
    is_allowed: bool
    may_ask: bool
    tokens_left: int
    answered: Answered | None


def evidence(request: HttpRequest, site: AdminSite, number: int) -> HttpResponseBase:
    """Show the evidence of a group of the chosen organisation; gathered now, if the address says so."""
    organisation = chosen_organisation(request)
    if organisation is None or number >= MOST_NUMBER:
        raise Http404
    if request.method == "POST":
        return _done(request, organisation, number)
    record(request, organisation, Look(action=AccessRecord.Action.EVIDENCE, subject=f"#{number}"))
    context = {
        **site.each_context(request),
        "title": f"Evidence of #{number}",
        "organisation": organisation,
        "number": number,
        "group_address": address(organisation, number),
    }
    try:
        found = evidence_of(organisation.pk, number, anew=request.GET.get("refresh") == "true")
    except Refusal as refusal:
        return _answer(request, context | {"refusal": refusal}, status=refusal.status)
    if found is None:
        raise Http404
    return _answer(request, context | shown(found, request.user))


def shown(found: Evidence, user: Any) -> dict[str, Any]:
    """Return what templates need of evidence."""
    return {
        "evidence": found.document,
        "made_at": found.made_at,
        "parts": found.document["parts"],
        "number": found.number,
        "model": _model(found, user) if asking.is_set_up() else None,
    }


def _model(found: Evidence, user: Any) -> Asked:
    allowance = spending.allowance(found.organisation_id)
    return Asked(
        model=settings.AI_MODEL,
        host=asking.host(),
        is_allowed=allowance is not None,
        may_ask=user.has_perm(MAY_ASK),
        tokens_left=max(0, allowance[0] - allowance[1]) if allowance else 0,
        answered=asking.answered(found),
    )


def _done(request: HttpRequest, organisation: Organisation, number: int) -> HttpResponse:
    """Ask the model, or keep what somebody found of its answer; then lead back to the group."""
    if not request.user.has_perm(MAY_ASK):
        raise PermissionDenied(MAY_ASK)
    user, action = member(request), request.POST.get("action")
    match action:
        case "ask":
            try:
                asking.ask(
                    organisation,
                    number,
                    request.POST.get("digest", ""),
                    by=Asker(user=user, address=client_address(request)),
                )
            except NotAsked as error:
                messages.error(request, str(error))
        case "helpful" | "unhelpful":
            answer = request.POST.get("answer", "")
            is_known = answer.isascii() and answer.isdecimal() and len(answer) < 19
            if not is_known or not asking.judge(organisation.pk, int(answer), by=user, is_helpful=action == "helpful"):
                raise Http404
            messages.success(request, "Thank you: it is kept.")
        case _:
            messages.error(request, "Choose what to do.")
    return HttpResponseRedirect(f"{address(organisation, number)}#evidence")


def _answer(request: HttpRequest, context: dict[str, Any], *, status: int = 200) -> HttpResponse:
    response = TemplateResponse(request, "admin/assist/evidence.html", context, status=status)
    response.headers["Cache-Control"] = "private, no-store"
    return response
