"""The admin site: branding, its table of contents, and the start page that shows what matters today."""

from typing import Any

from django.contrib.admin import AdminSite
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.decorators import method_decorator

from accounts.visitors import limited
from luminalog.console.odd_values import refusing_odd_values
from luminalog.console.today import today

#: The table of contents, by what staff look for and not by how the code is divided. What is not named comes last.
CONTENTS = {
    "Customers": ["organisation", "project", "apikey"],
    "Logs": ["explorer", "savedsearch", "accessrecord"],
    "Limits and usage": ["quota", "plan", "notice", "noticechannel"],
    "Pipeline": ["spooledbatch", "deadletter", "retention", "droppedpartition"],
    "Staff": ["user", "group", "audit", "accessattempt", "accessfailurelog", "accesslog"],
}
AUDIT_TRAIL = ("auditlog", "LogEntry")


class Console(AdminSite):
    site_header = site_title = "LuminaLog"
    index_title = "Today"
    site_url = None
    index_template = "admin/today.html"

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        """Let every page refuse values that no query takes."""
        return super().admin_view(refusing_odd_values(view), cacheable)

    def catch_all_view(self, request: HttpRequest, url: str) -> HttpResponse:
        """Put a missing slash at the end for whoever reads only, as `KnownHostMiddleware` does."""
        if request.method not in ("GET", "HEAD"):
            raise Http404
        return super().catch_all_view(request, url)

    @method_decorator(limited(group="log-in", per_minute=20, method="POST"))
    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Log in; axes locks an account after failures, this limits tries at many accounts."""
        return super().login(request, extra_context)

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        """Show what matters today, as far as the member of staff may see it."""
        return super().index(request, {"today": today(request.user), **(extra_context or {})})

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        """Group the pages as staff think of them."""
        apps: list[Any] = super().get_app_list(request, app_label)
        if app_label:
            return apps
        pages = {_name(app, page): page for app in apps for page in app["models"]}
        groups = [
            _group(title, [pages.pop(name) for name in names if name in pages]) for title, names in CONTENTS.items()
        ]
        return [group for group in [*groups, _group("More", list(pages.values()))] if group["models"]]


def _name(app: dict[str, Any], page: dict[str, Any]) -> str:
    if (app["app_label"], page["object_name"]) == AUDIT_TRAIL:
        page["name"] = "Audit trail"
        return "audit"
    return str(page["object_name"]).lower()


def _group(title: str, pages: list[dict[str, Any]]) -> dict[str, Any]:
    label = title.lower().replace(" ", "-")
    return {
        "name": title,
        "app_label": label,
        "app_url": reverse("admin:index"),
        "has_module_perms": True,
        "models": pages,
    }
