"""Admin pages of staff and their roles, which only superusers change; of the audit and the access log: nobody."""

from typing import TYPE_CHECKING, Any

from auditlog import admin as replaced  # noqa: F401 - registered before it is replaced
from auditlog.models import LogEntry
from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from accounts.models import AccessRecord, User
from accounts.staff import member
from foundation import places
from foundation.readonly import ReadOnlyAdmin

if TYPE_CHECKING:
    Mixin = admin.ModelAdmin[Any]
else:
    Mixin = object

places.lists("explorer", of="accounts.accessrecord", title="Access records", order=2)
places.lists("operations", of="accounts.user", title="Staff", order=10)
places.lists("operations", of="auth.group", title="Roles", order=11)
places.lists("operations", of="auditlog.logentry", title="Audit trail", order=12)
places.lists("operations", of="axes.accesslog", title="Sign-ins", order=13)


class OnlySuperusersChange(Mixin):
    """No permission given in the admin lets staff raise anybody's rights, their own included."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return bool(member(request).is_superuser and super().has_add_permission(request))

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(member(request).is_superuser and super().has_change_permission(request, obj))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(member(request).is_superuser and super().has_delete_permission(request, obj))


admin.site.unregister(Group)
admin.site.unregister(LogEntry)


@admin.register(User)
class StaffAdmin(OnlySuperusersChange, UserAdmin):  # type: ignore[type-arg]
    list_display = ["username", "email", "is_staff", "is_superuser", "is_active", "last_login"]
    list_filter = ["is_staff", "is_superuser", "is_active", "groups"]
    show_full_result_count = False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002 - Django's signature
        """Who leaves is made inactive: the audit trail keeps the name."""
        return False


@admin.register(Group)
class RoleAdmin(OnlySuperusersChange, GroupAdmin):
    show_full_result_count = False


@admin.register(LogEntry)
class AuditTrailAdmin(ReadOnlyAdmin):
    """Who changed what, when and from where; read-only for everybody."""

    list_display = ["timestamp", "actor", "action", "what", "changed_fields", "remote_addr"]
    list_display_links = ["timestamp"]
    list_select_related = ["actor", "content_type"]
    list_filter = ["action", ("content_type", admin.RelatedOnlyFieldListFilter)]
    search_fields = ["object_repr", "=actor__username", "=remote_addr"]
    search_help_text = "What was changed, who changed it, or from which address"
    fields = ["timestamp", "actor", "remote_addr", "action", "content_type", "object_repr", "before_and_after"]
    readonly_fields = ["before_and_after"]

    @admin.display(description="what", ordering="object_repr")
    def what(self, entry: LogEntry) -> str:
        return f"{entry.content_type.name}: {entry.object_repr}"

    @admin.display(description="changed")
    def changed_fields(self, entry: LogEntry) -> str:
        return ", ".join(entry.changes_dict) if entry.action == LogEntry.Action.UPDATE else ""

    @admin.display(description="before → after")
    def before_and_after(self, entry: LogEntry) -> SafeString:
        rows = []
        for name, change in entry.changes_dict.items():
            before, after = change if isinstance(change, list) else ("", ", ".join(change.get("objects", [])))
            rows.append((name, before, after))
        return format_html(
            '<table class="plain"><tr><th>Field</th><th>Before</th><th>After</th></tr>{}</table>',
            format_html_join("", "<tr><th>{}</th><td>{}</td><td>{}</td></tr>", rows),
        )


@admin.register(AccessRecord)
class AccessRecordAdmin(ReadOnlyAdmin):
    """Who looked at whose logs; not even a superuser edits it."""

    empty_list = "Nobody has looked at logs yet."
    list_display = ["at", "username", "organisation", "action", "query", "subject", "address"]
    list_filter = ["action", "at"]
    search_fields = ["username", "organisation", "query", "subject"]
