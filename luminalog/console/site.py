"""The admin site: its shell, the addresses of the places, the table of all pages, and what matters today."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from django.apps import AppConfig
from django.contrib.admin import AdminSite, autodiscover
from django.core.checks import CheckMessage
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, URLResolver, path, reverse
from django.utils import timezone
from django.utils.decorators import method_decorator

from accounts.visitors import limited
from foundation import places
from foundation.places import Page, Place, View
from luminalog.console.navigation import first_page, navigation
from luminalog.console.odd_values import refusing_odd_values
from luminalog.console.palette import palette
from luminalog.console.preferences import preferences
from luminalog.console.scripts import with_policy_of_scripts
from luminalog.console.today import today
from luminalog.console.zone import in_zone

#: The table of contents, by what staff look for and not by how the code is divided. What is not named comes last.
CONTENTS = {
    "Customers": ["organisation", "project", "apikey", "policy", "erasure"],
    "Logs and errors": ["explorer", "savedsearch", "accessrecord", "setting", "call"],
    "Alerts": ["rule", "silence", "noticechannel", "noticedelivery"],
    "Limits and usage": ["quota", "plan", "notice"],
    "Pipeline": ["spooledbatch", "deadletter", "retention", "droppedpartition"],
    "Staff": ["user", "group", "audit", "accessattempt", "accessfailurelog", "accesslog"],
}
AUDIT_TRAIL = ("auditlog", "LogEntry")


class Console(AdminSite):
    site_header = site_title = "LuminaLog"
    index_title = "Today"
    site_url = None
    index_template = "admin/today.html"
    enable_nav_sidebar = False

    def get_urls(self) -> list[URLResolver | URLPattern]:
        """Put the places before the admin's own addresses; only who has addresses needs all pages."""
        autodiscover()
        own = [
            path(address, self.admin_view(partial(self.own_page, page=page, view=view)), name=name)
            for page in places.own_pages()
            for address, view, name in _addresses(page)
        ]
        taken = {page.path for page in places.own_pages()}
        doors = [
            path(f"{place.name}/", self.admin_view(partial(self.place, place=place)), name=f"place_{place.name}")
            for place in places.PLACES
            if places.pages(place) and f"{place.name}/" not in taken
        ]
        others = [
            path("all/", self.admin_view(self.all_pages), name="all_pages"),
            path("palette/", self.admin_view(partial(palette, site=self)), name="palette"),
            path("preferences/", self.admin_view(partial(preferences, site=self)), name="preferences"),
        ]
        return [*own, *doors, *others, *super().get_urls()]

    def check(self, app_configs: Sequence[AppConfig] | None) -> list[CheckMessage]:
        """Check all pages, whether or not there are addresses yet."""
        autodiscover()
        return super().check(app_configs)

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        """Add the shell, for those who are in."""
        context = super().each_context(request)
        if context["has_permission"]:
            context |= {"navigation": navigation(request), "zone": timezone.get_current_timezone_name()}
        return context

    def own_page(self, request: HttpRequest, *, page: Page, view: View, **parts: Any) -> HttpResponseBase:
        """Answer a page that a room has registered with a view of its own, to those whom it is for."""
        if not page.is_open_to(request.user):
            raise PermissionDenied(page.permissions[0])
        return view(request, site=self, **parts)

    def place(self, request: HttpRequest, *, place: Place) -> HttpResponse:
        """Lead to the first page of a place that one may see."""
        address = first_page(place, request)
        if address is None:
            raise PermissionDenied
        query = request.META.get("QUERY_STRING", "")
        return HttpResponseRedirect(f"{address}?{query}" if query else address)

    def all_pages(self, request: HttpRequest) -> TemplateResponse:
        """List every page that one may see, by what it is about."""
        context = self.each_context(request) | {"title": "All pages", "app_list": self.get_app_list(request)}
        return TemplateResponse(request, "admin/all_pages.html", context)

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        """Let every page refuse values that no query takes, and write times in its reader's zone."""
        return super().admin_view(with_policy_of_scripts(in_zone(refusing_odd_values(view))), cacheable)

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


def _addresses(page: Page) -> Iterator[tuple[str, View, str]]:
    """Yield path, view and name of a page with a view of its own, and of those below it."""
    assert page.view
    yield page.path, page.view, page.address
    yield from ((page.path + one.path, one.view, one.address) for one in page.below)


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
