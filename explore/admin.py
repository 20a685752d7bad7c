"""The explorer in the admin's index and menu, and saved searches."""

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern

from explore.explorer.page import explorer_page
from explore.explorer.urls import urlpatterns
from explore.models import Explorer, SavedSearch
from explore.permissions import may_view_logs

if TYPE_CHECKING:
    ExplorerModelAdmin = admin.ModelAdmin[Explorer]
    SavedSearchModelAdmin = admin.ModelAdmin[SavedSearch]
else:
    ExplorerModelAdmin = SavedSearchModelAdmin = admin.ModelAdmin


@admin.register(Explorer)
class ExplorerAdmin(ExplorerModelAdmin):
    """Its list is the page; the endpoints lie below it and check the session themselves, in JSON."""

    def get_urls(self) -> list[URLPattern]:
        """Put the endpoints before the admin's own addresses."""
        return [*urlpatterns, *super().get_urls()[:1]]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:  # noqa: ARG002
        """Show the page."""
        return explorer_page(request, self.admin_site)

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
    list_display = ["name", "organisation", "owner", "is_shared", "query", "created_at"]
    list_filter = ["is_shared"]
    list_select_related = ["organisation", "owner"]
    search_fields = ["name", "query", "owner__username", "organisation__name"]
    raw_id_fields = ["organisation", "owner"]
    show_full_result_count = False
