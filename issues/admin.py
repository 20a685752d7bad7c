"""The pages of errors; and how an organisation's are grouped, with what its filters left out lately."""

from datetime import UTC, timedelta
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.db.models import Sum
from django.http import HttpRequest
from django.utils import timezone

from accounts.settings_admin import SettingsAdmin
from foundation import places
from foundation.places import Below, Page
from issues import finding, settings
from issues.group_page import group
from issues.list_page import errors
from issues.models import Filtered, Setting
from issues.moving_pages import merge, split
from issues.permissions import MAY_LOOK
from privacy.forms import LinesField

if TYPE_CHECKING:
    SettingModelForm = forms.ModelForm[Setting]
else:
    SettingModelForm = forms.ModelForm  # only django-stubs' is generic

DAYS_SHOWN = 7

places.register(
    "errors",
    Page(
        title="Errors",
        address="errors",
        path="errors/",
        view=errors,
        permissions=(MAY_LOOK,),
        below=(
            Below(address="error_group", path="<int:number>/", view=group),
            Below(address="error_merge", path="<int:number>/merge/", view=merge),
            Below(address="error_split", path="<int:number>/split/", view=split),
        ),
    ),
)
places.offer("error groups", finding.groups)
places.lists("customers", of="issues.setting", title="Grouping", order=7)


def _lines(name: str) -> LinesField:
    field: Any = Setting._meta.get_field(name)
    return LinesField(required=False, help_text=field.help_text)


class SettingForm(SettingModelForm):
    ours = _lines("ours")
    not_ours = _lines("not_ours")
    filtered_messages = _lines("filtered_messages")

    class Meta:
        model = Setting
        fields = ["release_key", "ours", "not_ours", "filters_extensions", "filters_crawlers", "filtered_messages"]


@admin.register(Setting)
class SettingAdmin(SettingsAdmin):
    form = SettingForm
    list_display = ["organisation", "filters_extensions", "filters_crawlers", "release_key", "edition"]
    readonly_fields = ["filtered"]
    fieldsets = [
        ("Frames of a stack", {"fields": ["ours", "not_ours"]}),
        ("Releases", {"fields": ["release_key"]}),
        (
            "Filters",
            {"fields": ["filters_extensions", "filters_crawlers", "filtered_messages", "filtered"]},
        ),
    ]

    def save_model(self, request: HttpRequest, obj: Setting, form: Any, change: bool) -> None:  # noqa: ARG002
        settings.save(obj)

    @admin.display(description="left out in the last 7 days")
    def filtered(self, setting: Setting) -> str:
        """Return how many errors each filter has left out lately."""
        since = timezone.now().astimezone(UTC).date() - timedelta(days=DAYS_SHOWN)
        found = Filtered.objects.filter(organisation_id=setting.pk, day__gte=since)
        sums = found.values("filter").annotate(sum=Sum("entries")).order_by("filter")
        return ", ".join(f"{one['filter']}: {one['sum']:,}" for one in sums) or "none"
