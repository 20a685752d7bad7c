"""Admin pages of plans, quotas and usage."""

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from foundation import places
from foundation.places import Page
from foundation.sizes import format_bytes
from quotas.forms import PlanForm, QuotaForm
from quotas.models import MonthlyUsage, Plan, Quota
from quotas.usage_page import percent
from quotas.usage_view import PERMISSION as USAGE
from quotas.usage_view import address, usage
from quotas.what_if import DAYS, Consequence, proposal_of, proposal_of_plan, what_if

if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[Any]
    StackedInline = admin.StackedInline[Any, Any]
else:
    ModelAdmin, StackedInline = admin.ModelAdmin, admin.StackedInline  # only django-stubs' are generic

ORGANISATIONS_A_PLAN = 200

places.register("usage", Page(title="Month", address="usage", path="usage/", view=usage, permissions=(USAGE,)))
places.lists("customers", of="quotas.plan", title="Plans", order=4)
places.lists("customers", of="quotas.quota", title="Quotas", order=5)


class PlanInline(StackedInline):
    """An organisation's plan, for its own page."""

    model = Quota
    form = QuotaForm
    can_delete = False
    min_num = 1
    verbose_name = verbose_name_plural = "plan"
    fieldsets = [
        (None, {"fields": ["plan"]}),
        (
            "Overrides",
            {
                "classes": ["collapse"],
                "fields": [
                    ("requests_per_minute", "monthly_bytes", "retention_days"),
                    ("overrides_from", "overrides_until"),
                ],
            },
        ),
    ]

    def get_formset(self, request: HttpRequest, obj: Any = None, **options: Any) -> Any:
        """Plans are chosen here; they are changed on their own pages, since others are on them too."""
        formset = super().get_formset(request, obj, **options)
        if plan := formset.form.base_fields.get("plan"):
            for link in ("add", "change", "delete", "view"):
                setattr(plan.widget, f"can_{link}_related", False)
        return formset


class WhatIfAdmin(ModelAdmin):
    """A change form with a second button: what the limits would have refused, before they are saved."""

    show_full_result_count = False
    list_per_page = 50

    def get_urls(self) -> list[URLPattern]:
        name = f"quotas_{self.opts.model_name}_what_if"
        return [
            path("<path:object_id>/change/what-if/", self.admin_site.admin_view(self.what_if), name=name),
            *super().get_urls(),
        ]

    def what_if(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Show the consequences of the posted form; a second button saves it."""
        row = self.get_object(request, unquote(object_id))
        if row is None:
            raise Http404
        if not self.has_change_permission(request, row):
            raise PermissionDenied(f"quotas.change_{self.opts.model_name}")
        change = reverse(f"admin:quotas_{self.opts.model_name}_change", args=[row.pk])
        if request.method != "POST":
            return HttpResponseRedirect(change)
        form = self.get_form(request, row, change=True)(request.POST, instance=row)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": "What if?",
            "subtitle": str(row),
            "original": row,
            "form": form,
            "changes": _changes(form),
            "since": timezone.now() - timedelta(days=DAYS),
            "most": ORGANISATIONS_A_PLAN,
            "change_url": change,
            "consequences": self.consequences(form.instance) if form.is_valid() else [],
        }
        return TemplateResponse(request, "admin/quotas/what_if.html", context)

    def consequences(self, unsaved: Any) -> list[tuple[Quota, Consequence]]:
        """Return what `unsaved` would have done, by organisation."""
        raise NotImplementedError


def _changes(form: Any) -> list[tuple[str, Any, Any]]:
    """Return label, present and proposed value of what was changed in a form."""
    fields = [form[name] for name in form.changed_data if not form.errors]
    return [(field.label, field.initial, form.cleaned_data[field.name]) for field in fields]


@admin.register(Plan)
class PlanAdmin(WhatIfAdmin):
    form = PlanForm
    change_form_template = "admin/quotas/change_form.html"
    list_display = ["name", "requests_per_minute", "burst_requests", "size", "retention_days"]
    search_fields = ["name", "slug"]
    prepopulated_fields = {"slug": ["name"]}

    @admin.display(description="bytes a month", ordering="monthly_bytes")
    def size(self, plan: Plan) -> str:
        return format_bytes(plan.monthly_bytes)

    def consequences(self, unsaved: Plan) -> list[tuple[Quota, Consequence]]:
        """Return what the changed plan would have done to those on it."""
        quotas = Quota.objects.filter(plan_id=unsaved.pk).select_related("organisation")[:ORGANISATIONS_A_PLAN]
        now = timezone.now()
        return [(quota, what_if(quota.organisation_id, proposal_of_plan(unsaved, quota), now=now)) for quota in quotas]


@admin.register(Quota)
class QuotaAdmin(WhatIfAdmin):
    form = QuotaForm
    change_form_template = "admin/quotas/change_form.html"
    list_display = ["organisation", "plan", "used", "requests", "retention", "usage_link"]
    list_display_links = ["organisation"]
    list_filter = ["plan"]
    list_select_related = ["organisation__limits", "plan"]
    search_fields = ["organisation__name", "organisation__slug"]
    ordering = ["organisation__name"]
    readonly_fields = ["organisation"]
    fieldsets = [
        (None, {"fields": ["organisation", "plan"]}),
        (
            "Overrides",
            {
                "description": "In place of the plan's limits. Requests and bytes act on the next request; "
                "an override with an end goes by itself.",
                "fields": [
                    "requests_per_minute", "monthly_bytes", "retention_days", "overrides_from", "overrides_until",
                ],
            },
        ),
    ]  # fmt: skip

    class Media:
        css = {"all": ["quotas/usage.css"]}

    def has_add_permission(self, request: HttpRequest) -> bool:  # noqa: ARG002 - Django's signature
        return False  # every organisation has one

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002 - Django's signature
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Quota]:
        month = timezone.now().date().replace(day=1)
        used = MonthlyUsage.objects.filter(organisation=OuterRef("organisation"), period=month).values("used_bytes")
        quotas: QuerySet[Quota] = super().get_queryset(request)
        return quotas.annotate(used_bytes=Subquery(used))

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.usage)
        return [path("<path:object_id>/usage/", view, name="quotas_quota_usage"), *super().get_urls()]

    def consequences(self, unsaved: Quota) -> list[tuple[Quota, Consequence]]:
        """Return what the changed quota would have done."""
        return [(unsaved, what_if(unsaved.organisation_id, proposal_of(unsaved), now=timezone.now()))]

    def usage(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Lead to the organisation's page; links of before come here."""
        if not request.user.has_perm(USAGE):
            raise PermissionDenied(USAGE)
        quota = self.get_object(request, unquote(object_id))
        if quota is None:
            raise Http404
        return HttpResponseRedirect(address(quota.organisation, request.GET))

    @admin.display(description="used this month")
    def used(self, quota: Any) -> SafeString:
        used, limit = quota.used_bytes or 0, quota.organisation.limits.monthly_bytes
        return format_html(
            '<meter min="0" max="100" low="80" high="95" optimum="0" value="{}"></meter> {} of {}',
            percent(used, limit), format_bytes(used), format_bytes(limit),
        )  # fmt: skip

    @admin.display(description="requests a minute")
    def requests(self, quota: Quota) -> int:
        return quota.organisation.limits.requests_per_minute

    @admin.display(description="days kept")
    def retention(self, quota: Quota) -> int:
        return quota.organisation.limits.retention_days

    @admin.display(description="usage")
    def usage_link(self, quota: Quota) -> SafeString:
        return format_html('<a href="{}">Usage</a>', address(quota.organisation))
