"""Alerts in the console: rules with what they would have found, incidents, silences."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts.chosen import chosen_organisation
from accounts.staff import member
from alerts import changing, heartbeats
from alerts.changing import Actor
from alerts.checking import wrong_with
from alerts.incident_pages import MAY_LOOK, incident, incidents
from alerts.models import Rule, Silence
from alerts.shape import standing
from alerts.terms import Kind
from alerts.trial import tried
from alerts.words import fires_at
from foundation import places
from foundation.paging import BoundedPaginator
from foundation.phrases import ago
from foundation.places import Below, Page

if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[Any]
    RuleModelForm = forms.ModelForm[Rule]
    SilenceModelForm = forms.ModelForm[Silence]
else:
    ModelAdmin = admin.ModelAdmin  # only django-stubs' are generic
    RuleModelForm = SilenceModelForm = forms.ModelForm

places.register(
    "alerts",
    Page(
        title="Incidents",
        address="incidents",
        path="incidents/",
        view=incidents,
        permissions=(MAY_LOOK,),
        below=(Below(address="incident", path="<int:number>/", view=incident),),
    ),
)
places.lists("alerts", of="alerts.rule", title="Rules", order=1)
places.lists("alerts", of="alerts.silence", title="Silences", order=2)

STATES = {"ok": "fine", "firing": "grave", "unknown": "warn", "paused": "warn", "waiting": "", "off": ""}


class RuleForm(RuleModelForm):
    """A rule's fields; which belong to its kind shows `rule.js`."""

    class Meta:
        model = Rule
        fields = [
            "organisation", "rule_name", "kind", "is_active", "severity", "count_threshold", "time_window_minutes",
            "ratio_percent", "error_type", "query", "project", "environment", "group_by", "channels",
            "keep_firing_minutes", "cooldown_minutes", "digest_every", "digest_at", "digest_weekday",
            "digest_if_nothing", "time_zone",
        ]  # fmt: skip

    #: Whether the rule is only to be tried: then it is shown again, with what it would have found.
    is_tried = False

    def is_valid(self) -> bool:
        return super().is_valid() and not self.is_tried

    def _post_clean(self) -> None:
        """Say what is wrong with the rule as a whole, at its fields."""
        super()._post_clean()  # type: ignore[misc]
        if not self.errors:
            for field, text in wrong_with(self.instance):
                self.add_error(field if field in self.fields else None, text)


class OfOneOrganisation(ModelAdmin):
    """Rows of the organisation that is chosen; a new one is its own."""

    show_full_result_count = False
    paginator = BoundedPaginator
    list_per_page = 50

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        found: QuerySet[Any] = super().get_queryset(request)
        return found.select_related("organisation")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return [*super().get_readonly_fields(request, obj), *(["organisation"] if obj else [])]

    def get_changeform_initial_data(self, request: HttpRequest) -> Any:
        chosen = chosen_organisation(request)  # by `organisation` in the address, too, which is no number there
        return super().get_changeform_initial_data(request) | ({"organisation": chosen.pk} if chosen else {})


@admin.register(Rule)
class RuleAdmin(OfOneOrganisation):
    empty_list = "No rule yet. Add one, and see what it would have found in the last 30 days."
    form = RuleForm
    change_form_template = "admin/alerts/rule/change_form.html"
    list_display = ["rule_name", "organisation", "kind", "fires_at", "badge", "why", "looked"]
    list_select_related = ["organisation"]
    list_filter = ["kind", "state", "is_active"]
    search_fields = ["rule_name", "query", "organisation__name", "organisation__slug"]
    autocomplete_fields = ["organisation"]
    readonly_fields = ["standing", "heartbeat"]
    fieldsets = [
        (None, {"fields": ["organisation", "rule_name", "kind", "is_active", "standing", "heartbeat"]}),
        ("Fires at", {"fields": ["count_threshold", "time_window_minutes", "severity", "ratio_percent"]}),
        ("Looks at", {"fields": ["error_type", "query", "project", "environment", "group_by"]}),
        ("Tells", {"fields": ["channels", "keep_firing_minutes", "cooldown_minutes"]}),
        (
            "Digest",
            {"fields": ["digest_every", "digest_at", "digest_weekday", "time_zone", "digest_if_nothing"]},
        ),
    ]

    def save_model(self, request: HttpRequest, obj: Rule, form: Any, change: bool) -> None:
        """Make or change a rule as the API does."""
        if change:
            again = {"is_active"} if obj.paused_at and obj.is_active else set()
            changing.change(obj, changed=set(form.changed_data) | again)
        else:
            changing.create(obj, by=Actor(user_id=member(request).pk))

    def delete_model(self, request: HttpRequest, obj: Rule) -> None:  # noqa: ARG002 - Django's signature
        changing.delete(obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Rule]) -> None:  # noqa: ARG002
        for rule in queryset:
            changing.delete(rule)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form: Any = super().get_form(request, obj, change, **kwargs)
        form.is_tried = "_try" in request.POST
        return form

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        """Show what a rule that is tried would have found, and keep nothing."""
        form = context["adminform"].form
        if getattr(form, "is_tried", False) and not form.errors:
            context |= tried(form.instance)
        return super().render_change_form(request, context, *args, **kwargs)

    @admin.display(description="state", ordering="state")
    def badge(self, rule: Rule) -> SafeString:
        state = standing(rule)
        return format_html('<span class="badge {}">{}</span>', STATES[state], state)

    @admin.display(description="fires at")
    def fires_at(self, rule: Rule) -> str:
        return fires_at(rule)

    @admin.display(description="looked at", ordering="evaluated_at", empty_value="not yet")
    def looked(self, rule: Rule) -> str | None:
        return ago(rule.evaluated_at) if rule.evaluated_at else None

    @admin.display(description="why")
    def why(self, rule: Rule) -> str:
        return rule.paused_reason or rule.state_reason

    @admin.display(description="state")
    def standing(self, rule: Rule) -> str:
        if not rule.pk:
            return "new"
        why = rule.paused_reason or rule.state_reason
        looked = f", looked at {rule.evaluated_at:%Y-%m-%d %H:%M:%S} UTC" if rule.evaluated_at else ""
        return f"{standing(rule)}{looked}{f'. {why}' if why else ''}"

    @admin.display(description="heartbeat")
    def heartbeat(self, rule: Rule) -> str:
        """Return where a monitor's heartbeat is sent."""
        if not rule.pk or rule.kind != Kind.MONITOR:
            return "only of a monitor"
        return f"POST /v1/heartbeats/{heartbeats.token_of(rule)}"


class SilenceForm(SilenceModelForm):
    class Meta:
        model = Silence
        fields = ["organisation", "rule", "project", "environment", "group", "until", "reason"]

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]
        if self.errors:
            return
        silence, now = self.instance, timezone.now()
        if silence.rule and silence.rule.organisation_id != silence.organisation_id:
            self.add_error("rule", "The rule is another organisation's.")
        if not now < silence.until <= changing.longest_silence():
            self.add_error("until", "In the future, and within a year.")


@admin.register(Silence)
class SilenceAdmin(OfOneOrganisation):
    empty_list = "Nothing is silenced. Silence an incident on its page, or a project or an environment here."
    form = SilenceForm
    list_display = ["reason", "organisation", "rule", "project", "environment", "group", "until", "author"]
    list_select_related = ["organisation", "rule", "author"]
    search_fields = ["reason", "organisation__name", "rule__rule_name"]
    autocomplete_fields = ["organisation", "rule"]
    fields = ["organisation", "rule", "project", "environment", "group", "until", "reason"]

    def save_model(self, request: HttpRequest, obj: Silence, form: Any, change: bool) -> None:
        if change:
            obj.save(update_fields=form.changed_data)
        else:
            changing.silence(obj, by=Actor(user_id=member(request).pk))
