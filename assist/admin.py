"""Pages of this room in the console: below those of errors; whether a model may be asked, and what was sent to it."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from accounts.admin import NeverDeleted
from accounts.models import Organisation
from accounts.settings_admin import SettingsAdmin
from assist import spending
from assist.evidence_page import evidence
from assist.models import Call, Setting
from assist.recording_page import recording
from foundation import places
from foundation.places import Below

places.add_below(
    "errors",
    "errors",
    Below(address="error_evidence", path="<int:number>/evidence/", view=evidence),
    Below(address="error_recording", path="<int:number>/recordings/<int:recording_id>/", view=recording),
)
places.lists("customers", of="assist.setting", title="Explanations", order=8)
places.lists("explorer", of="assist.call", title="Questions to a model", order=9)


@admin.register(Setting)
class SettingAdmin(SettingsAdmin):
    list_display = ["organisation", "asks_model", "monthly_tokens"]
    list_filter = ["asks_model"]
    fields = ["asks_model", "monthly_tokens", "spent"]
    readonly_fields = ["spent"]
    empty_list = "No organisation allows questions to a model. Open one's page to allow them."

    @admin.display(description="spent this month")
    def spent(self, setting: Setting) -> str:
        """Return how many tokens the questions of this month came to."""
        found = spending.allowance(setting.pk)
        return f"{found[1]:,} tokens" if found else "none may be"


@admin.register(Call)
class CallAdmin(NeverDeleted):
    """What was sent to a model, by whom: kept for 30 days, and never changed."""

    list_display = ["at", "username", "organisation", "group", "model", "outcome", "tokens", "seconds"]
    list_filter = ["outcome"]
    search_fields = ["username", "digest"]
    readonly_fields = (
        "at", "username", "organisation", "group", "model", "outcome", "detail", "tokens", "seconds", "digest",
        "record_id", "sent",
    )  # fmt: skip
    fields = readonly_fields
    show_full_result_count = False
    empty_list = "No model was asked in the last 30 days."

    def has_add_permission(self, request: HttpRequest) -> bool:  # noqa: ARG002 - Django's signature
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        return False

    @admin.display(description="organisation")
    def organisation(self, call: Call) -> str:
        return str(Organisation.objects.filter(pk=call.organisation_id).first() or "one that is gone")

    @admin.display(description="group")
    def group(self, call: Call) -> str:
        return f"#{call.group_number}"

    @admin.display(description="tokens")
    def tokens(self, call: Call) -> str:
        return f"{call.tokens_in:,} in, {call.tokens_out:,} out"
