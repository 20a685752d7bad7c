"""What retention has deleted: to look at."""

from django.contrib import admin

from accounts.models import Organisation
from luminalog.readonly import ReadOnlyAdmin
from storage.models import DroppedPartition, Retention


@admin.register(Retention)
class RetentionAdmin(ReadOnlyAdmin):
    list_display = ["organisation", "emptied_before", "ran_at", "deleted_entries", "deleted_entries_in_all"]
    ordering = ["-ran_at"]

    @admin.display(description="organisation", ordering="organisation_id")
    def organisation(self, retention: Retention) -> str:
        organisation = Organisation.objects.filter(pk=retention.organisation_id).first()
        return str(organisation or retention.organisation_id)


@admin.register(DroppedPartition)
class DroppedPartitionAdmin(ReadOnlyAdmin):
    list_display = ["day", "entries", "size_bytes", "dropped_at"]
    ordering = ["-day"]
