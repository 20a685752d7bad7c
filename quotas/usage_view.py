"""The usage page: one organisation's month and last days, in the console."""

from collections.abc import Mapping
from urllib.parse import urlencode

from django.contrib.admin import AdminSite
from django.core.exceptions import ObjectDoesNotExist
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone

from accounts.chosen import chosen_organisation
from accounts.models import Organisation
from quotas.models import Quota
from quotas.usage_page import RANGES, usage_page

PERMISSION = "quotas.view_monthlyusage"
NOTICES_SHOWN = 20


def usage(request: HttpRequest, site: AdminSite) -> HttpResponse:
    """Show what the chosen organisation has used."""
    organisation = chosen_organisation(request)
    context = {**site.each_context(request), "title": f"Usage of {organisation}" if organisation else "Usage"}
    quota = _quota(organisation) if organisation else None
    if organisation and quota:
        days = request.GET.get("days", "30")
        context |= {
            "quota": quota,
            "page": usage_page(organisation, days=int(days) if days in RANGES else 30, now=timezone.now()),
            "notices": organisation.notices.prefetch_related("message__deliveries__channel")[:NOTICES_SHOWN],
            "ranges": RANGES,
        }
    return TemplateResponse(request, "admin/quotas/usage.html", context | {"organisation": organisation})


def address(organisation: Organisation, parameters: Mapping[str, str] | None = None) -> str:
    """Return where an organisation's usage is shown, over the days that `parameters` ask for."""
    days = (parameters or {}).get("days")
    given = {"organisation": organisation.slug} | ({"days": days} if days in RANGES else {})
    return f"{reverse('admin:usage')}?{urlencode(given)}"


def _quota(organisation: Organisation) -> Quota | None:
    try:
        return Quota.objects.select_related("plan").get(organisation=organisation)
    except ObjectDoesNotExist:
        return None
