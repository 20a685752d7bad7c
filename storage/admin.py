"""What retention has deleted: to look at."""

from typing import Any

from django.contrib import admin
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest

from accounts.models import Organisation
from foundation import places
from foundation.readonly import ReadOnlyAdmin
from storage.models import DroppedPartition, Retention

places.lists("operations", of="storage.retention", title="Retention", order=5)
places.lists("operations", of="storage.droppedpartition", title="Dropped partitions", order=6)


@admin.register(Retention)
class RetentionAdmin(ReadOnlyAdmin):
    empty_list = "Retention has not deleted anything yet."
    list_display = ["organisation", "emptied_before", "ran_at", "deleted_entries", "deleted_entries_in_all"]
    ordering = ["-ran_at"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Retention]:
        name = Organisation.objects.filter(pk=OuterRef("organisation_id")).values("name")
        rows: QuerySet[Retention] = super().get_queryset(request)
        return rows.annotate(name=Subquery(name))

    @admin.display(description="organisation", ordering="name")
    def organisation(self, retention: Any) -> str:
        return retention.name or f"organisation {retention.organisation_id}"


@admin.register(DroppedPartition)
class DroppedPartitionAdmin(ReadOnlyAdmin):
    empty_list = "No day has been dropped yet: each is kept by some plan."
    list_display = ["day", "entries", "size_bytes", "dropped_at"]
    ordering = ["-day"]
