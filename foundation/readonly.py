"""Admin pages that only show: nothing can be added, changed or deleted, and nothing big is counted."""

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.http import HttpRequest

from foundation.paging import BoundedPaginator

if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[Any]
else:
    ModelAdmin = admin.ModelAdmin  # only django-stubs' is generic


class ReadOnlyAdmin(ModelAdmin):
    """A list and a page for each row, to look at."""

    show_full_result_count = False
    paginator = BoundedPaginator
    list_per_page = 50

    def has_add_permission(self, request: HttpRequest) -> bool:  # noqa: ARG002 - Django's signature
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002 - Django's signature
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002 - Django's signature
        return False
