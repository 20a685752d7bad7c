"""The console's pages of dashboards: the list, and the shell of one, which modules draw from the endpoints."""

from typing import Any

from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.urls import reverse

from accounts.chosen import chosen_organisation
from accounts.staff import member
from explore import permissions
from explore.dashboards import document, keeping, overview
from explore.explorer.page import configuration
from foundation import content_security
from foundation.modules import imported

SCRIPT, LIST_SCRIPT = "explore/dashboard/main.js", "explore/dashboard/list.js"


def dashboards(request: HttpRequest, site: AdminSite) -> TemplateResponse:
    """List the chosen organisation's dashboards."""
    user, organisation = member(request), chosen_organisation(request)
    if not permissions.may_view_dashboards(user):
        raise PermissionDenied(permissions.DASHBOARDS)
    rows = keeping.visible(user, organisation) if organisation else []
    context = {
        "title": f"Dashboards of {organisation}" if organisation else "Dashboards",
        "organisation": organisation,
        "rows": [
            {
                "row": row,
                "panels": len(row.document.get("panels", ())),
                "url": keeping.address(row),
                "may_delete": permissions.may_delete(user, row),
            }
            for row in rows
        ],
        "overview": reverse("admin:dashboard_overview"),
        "may_make": permissions.may_make_dashboards(user),
        "most": keeping.MOST,
    }
    return _page(request, site, "admin/explore/dashboards/list.html", context, LIST_SCRIPT)


def overview_page(request: HttpRequest, site: AdminSite) -> TemplateResponse:
    """Show the overview of the chosen organisation."""
    return _dashboard(request, site, overview.NAME)


def dashboard(request: HttpRequest, site: AdminSite, number: int) -> TemplateResponse:
    """Show a dashboard; whether one may see it, the endpoint says."""
    return _dashboard(request, site, str(number))


def _dashboard(request: HttpRequest, site: AdminSite, name: str) -> TemplateResponse:
    if not permissions.may_view_dashboards(request.user):
        raise PermissionDenied(permissions.DASHBOARDS)
    context = {"title": "Dashboard", "name": name}
    return _page(request, site, "admin/explore/dashboards/dashboard.html", context, SCRIPT)


def _page(
    request: HttpRequest, site: AdminSite, template: str, context: dict[str, Any], script: str
) -> TemplateResponse:
    given = configuration(request) | {
        "dashboard": context.get("name", ""),
        "dashboards": reverse("admin:dashboards"),
        "explorer": reverse("admin:explorer"),
        "usage": reverse("admin:usage"),
        "limits": {"panels": document.MOST_PANELS, "title": document.MOST_TITLE},
    }
    shared = {"configuration": given, "modules": imported(script), "script": script}
    response = TemplateResponse(request, template, {**site.each_context(request), **context, **shared})
    response.headers[content_security.HEADER] = content_security.OWN
    response.headers["Cache-Control"] = "private, no-store"
    return response
