"""Admin pages of what each organisation has one of: with a row, or without one what every new one has."""

from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest

from accounts.admin import NeverDeleted
from accounts.models import Organisation


class SettingsAdmin(NeverDeleted):
    """Settings of organisations, whose primary key is the organisation's: by its number their page is opened."""

    list_select_related = ["organisation"]
    search_fields = ["organisation__name", "organisation__slug"]

    def has_add_permission(self, request: HttpRequest) -> bool:  # noqa: ARG002 - Django's signature
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        found: QuerySet[Any] = super().get_queryset(request)
        return found.select_related("organisation")

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """Return an organisation's settings; without a row those of every new one."""
        found = super().get_object(request, object_id, from_field)
        if found is None and object_id.isdecimal() and len(object_id) < 19:
            organisation = Organisation.objects.filter(pk=int(object_id)).first()
            found = self.model(organisation=organisation) if organisation else None
        return found
