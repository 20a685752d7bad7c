"""The page itself: an empty shell. Everything in it is drawn by its modules from the endpoints' JSON."""

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone

from accounts.chosen import chosen_organisation
from accounts.models import Organisation
from explore.fields import METADATA, OWN_NAMES, OWN_PREFIXES
from explore.permissions import PERMISSION, may_view_dashboards, may_view_logs
from explore.syntax import MAX_CHARACTERS
from foundation import content_security
from foundation.levels import Level
from foundation.modules import imported

SCRIPT = "explore/main.js"
#: The levels that are chosen beside the query join it as text.
ROOM_FOR_LEVELS = 100


def explorer_page(request: HttpRequest, site: AdminSite) -> TemplateResponse:
    """Answer the page; its state is in its address, and only the browser reads it there."""
    if not may_view_logs(request.user):
        raise PermissionDenied(PERMISSION)
    context = {**site.each_context(request), "title": "Explorer", "configuration": configuration(request),
               "modules": imported(SCRIPT)}  # fmt: skip
    response = TemplateResponse(request, "admin/explore/explorer/explorer.html", context)
    response.headers[content_security.HEADER] = content_security.own(connect=_tail_origin())
    response.headers["Cache-Control"] = "private, no-store"
    return response


def configuration(request: HttpRequest) -> dict[str, Any]:
    """Return what modules of the explorer know before they ask: organisations, the language, addresses, the zone."""
    chosen = chosen_organisation(request)
    organisations = Organisation.objects.order_by("name").prefetch_related("projects")
    return {
        "organisations": [
            {"slug": one.slug, "name": one.name, "projects": [project.slug for project in one.projects.all()]}
            for one in organisations
        ],
        "language": {
            "own_names": OWN_NAMES,
            "own_prefixes": OWN_PREFIXES,
            "metadata": METADATA,
            "characters": MAX_CHARACTERS - ROOM_FOR_LEVELS,
        },
        "levels": [level.label for level in Level],
        "endpoints": reverse("admin:explore_explorer_changelist"),
        "errors": reverse("admin:errors"),
        "may_view_dashboards": may_view_dashboards(request.user),
        "sending": reverse("admin:send_logs") if request.user.has_perm("accounts.view_apikey") else "",
        "login": reverse("admin:login"),
        "organisation": chosen.slug if chosen else "",
        "zone": timezone.get_current_timezone_name(),
    }


def _tail_origin() -> str:
    if not settings.TAIL_URL:
        return ""
    parts = urlsplit(settings.TAIL_URL)
    return f"{parts.scheme}://{parts.netloc}"
