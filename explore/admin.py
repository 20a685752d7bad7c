"""The explorer in the admin's index and menu, saved searches, and dashboards."""

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from explore.dashboards import endpoints, keeping, pages
from explore.explorer import saved
from explore.explorer.page import explorer_page
from explore.explorer.urls import urlpatterns
from explore.models import Explorer, SavedSearch
from explore.permissions import DASHBOARDS as MAY_VIEW_DASHBOARDS
from explore.permissions import PERMISSION, may_view_logs
from foundation import places
from foundation.places import Below, Page

if TYPE_CHECKING:
    ExplorerModelAdmin = admin.ModelAdmin[Explorer]
    SavedSearchModelAdmin = admin.ModelAdmin[SavedSearch]
else:
    ExplorerModelAdmin = SavedSearchModelAdmin = admin.ModelAdmin


places.register(
    "explorer",
    Page(title="Search", address="explorer", path="explorer/", view=explorer_page, permissions=(PERMISSION,)),
)
places.lists("explorer", of="explore.savedsearch", title="Saved searches", order=1)
places.offer("saved searches", saved.find)
places.register(
    "dashboards",
    Page(
        title="Dashboards",
        address="dashboards",
        path="dashboards/",
        view=pages.dashboards,
        permissions=(MAY_VIEW_DASHBOARDS,),
        below=(
            Below(address="dashboard_overview", path="overview/", view=pages.overview_page),
            Below(address="dashboard", path="<int:number>/", view=pages.dashboard),
        ),
    ),
)
places.offer("dashboards", keeping.find)


@admin.register(Explorer)
class ExplorerAdmin(ExplorerModelAdmin):
    """Its endpoints, which check the session themselves, in JSON; links of before still lead to the page."""

    def get_urls(self) -> list[URLPattern]:
        """Put the endpoints before the admin's own addresses."""
        return [*urlpatterns, *endpoints.urlpatterns, *super().get_urls()[:1]]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:  # noqa: ARG002
        """Lead whoever may see it to the page, with all that the link says."""
        if not may_view_logs(request.user):
            raise PermissionDenied(PERMISSION)
        query = request.META.get("QUERY_STRING", "")
        return HttpResponseRedirect(reverse("admin:explorer") + (f"?{query}" if query else ""))

    def has_module_permission(self, request: HttpRequest) -> bool:
        return may_view_logs(request.user)

    def has_view_permission(self, request: HttpRequest, obj: Explorer | None = None) -> bool:  # noqa: ARG002
        return may_view_logs(request.user)

    def has_add_permission(self, request: HttpRequest) -> bool:  # noqa: ARG002
        return False

    def has_change_permission(self, request: HttpRequest, obj: Explorer | None = None) -> bool:  # noqa: ARG002
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Explorer | None = None) -> bool:  # noqa: ARG002
        return False


@admin.register(SavedSearch)
class SavedSearchAdmin(SavedSearchModelAdmin):
    """Searches are saved in the explorer; here they are renamed, shared and deleted."""

    list_display = ["name", "organisation", "owner", "is_shared", "query", "created_at", "opened"]
    list_filter = ["is_shared"]
    list_select_related = ["organisation", "owner"]
    search_fields = ["name", "query", "owner__username", "organisation__name"]
    readonly_fields = [
        "organisation", "owner", "query", "levels", "time_range", "columns", "order", "is_wrapped", "view",
        "created_at",
    ]  # fmt: skip
    fields = ["name", "is_shared", *readonly_fields]
    show_full_result_count = False
    empty_list = "No search is saved yet. Save one in the explorer, under Saved."

    def has_add_permission(self, request: HttpRequest) -> bool:  # noqa: ARG002 - Django's signature
        return False

    @admin.display(description="explorer")
    def opened(self, search: SavedSearch) -> SafeString:
        return format_html('<a href="{}">Open</a>', saved.address(search))
