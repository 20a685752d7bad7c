"""The organisation's page: its status, plan, usage, projects and keys together, from the rooms that know them."""

from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts import life
from accounts.admin import NeverDeleted
from accounts.forms import ConfirmForm, ReasonForm
from accounts.models import ApiKey, Organisation, Project
from accounts.standing import standing
from accounts.steps import Question, ask, find
from foundation import places
from quotas.admin import PlanInline
from quotas.month import month_used

if TYPE_CHECKING:
    TabularInline = admin.TabularInline[Any, Any]
else:
    TabularInline = admin.TabularInline  # only django-stubs' is generic

KEYS_SHOWN = 100

places.lists("customers", of="accounts.organisation", title="Organisations", order=1)


class ProjectInline(TabularInline):
    model = Project
    extra = 0
    can_delete = False
    show_change_link = True
    fields = ["name", "slug"]
    prepopulated_fields = {"slug": ["name"]}


@admin.register(Organisation)
class OrganisationAdmin(NeverDeleted):
    empty_list = "No organisation yet. Add the first, with a project; then issue a key on its page."
    change_form_template = "admin/accounts/organisation/change_form.html"
    list_display = ["name", "slug", "badge", "plan", "created_at"]
    list_filter = ["status", "quota__plan"]
    search_fields = ["name", "slug"]
    prepopulated_fields = {"slug": ["name"]}
    inlines = [PlanInline, ProjectInline]
    fields = ["name", "slug"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Organisation]:
        found: QuerySet[Organisation] = super().get_queryset(request)
        return found.select_related("quota__plan")

    def save_model(self, request: HttpRequest, obj: Organisation, form: Any, change: bool) -> None:
        """Write only what was changed: a suspension may happen at the same time."""
        if change:
            obj.save(update_fields=form.changed_data)
        else:
            super().save_model(request, obj, form, change)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        own = [
            path("<path:object_id>/suspend/", view(self.suspend), name="accounts_organisation_suspend"),
            path("<path:object_id>/resume/", view(self.resume), name="accounts_organisation_resume"),
        ]
        return own + super().get_urls()

    def suspend(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Refuse all keys of the organisation."""
        organisation = find(self, request, object_id, permission="accounts.suspend_organisation")
        form = ReasonForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            life.suspend(organisation.pk, reason=form.cleaned_data["reason"])
            done = "The organisation is suspended; its keys are refused within 10 seconds."
            self.message_user(request, done, messages.SUCCESS)
            return _back_to(organisation)
        question = Question(
            title=f"Suspend {organisation}",
            consequence="All keys of this organisation are refused within 10 seconds, until it is resumed. "
            "Entries that were accepted stay.",
            button="Suspend",
            is_grave=True,
        )
        return ask(self, request, organisation, question=question, form=form)

    def resume(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Let the organisation's keys in again."""
        organisation = find(self, request, object_id, permission="accounts.suspend_organisation")
        if request.method == "POST":
            life.resume(organisation.pk)
            done = "The organisation is active again; its keys work within 10 seconds."
            self.message_user(request, done, messages.SUCCESS)
            return _back_to(organisation)
        question = Question(
            title=f"Resume {organisation}",
            consequence=f"Suspended because: {organisation.suspended_reason}. Its keys work again within 10 seconds.",
            button="Resume",
        )
        return ask(self, request, organisation, question=question, form=ConfirmForm())

    def page(self, request: HttpRequest, row: Organisation) -> dict[str, Any]:
        user, now = request.user, timezone.now()
        page: dict[str, Any] = {
            "may_issue": user.has_perm("accounts.add_apikey"),
            "may_revoke": user.has_perm("accounts.revoke_apikey"),
            "may_view_logs": user.has_perm("explore.view_logs"),
            "may_view_privacy": user.has_perm("privacy.view_policy"),
            "may_erase": user.has_perm("operations.add_erasure"),
            "may_view_grouping": user.has_perm("issues.view_setting"),
            "may_view_explanations": user.has_perm("assist.view_setting"),
            "may_suspend": user.has_perm("accounts.suspend_organisation"),
        }
        if user.has_perm("quotas.view_monthlyusage"):
            page |= {"usage_visible": True, "usage": month_used(row.pk)}
        if user.has_perm("accounts.view_apikey"):
            keys = ApiKey.objects.filter(organisation=row).select_related("organisation", "project", "successor")[
                : KEYS_SHOWN + 1
            ]
            keys_shown = [(api_key, standing(api_key, at=now)) for api_key in keys]
            page |= {"keys": keys_shown[:KEYS_SHOWN], "more_keys": len(keys_shown) > KEYS_SHOWN}
        projects = row.projects.values_list("pk", flat=True)[:2]
        if page["may_issue"] and len(projects) == 1:  # with more, whoever issues a key has to choose
            page["only_project"] = projects[0]
        return page

    @admin.display(description="status", ordering="status")
    def badge(self, organisation: Organisation) -> SafeString:
        return format_html('<span class="badge {0}">{0}</span>', organisation.status)

    @admin.display(description="plan", ordering="quota__plan__name")
    def plan(self, organisation: Organisation) -> str:
        return organisation.quota.plan.name if hasattr(organisation, "quota") else "none: refused"


def _back_to(organisation: Organisation) -> HttpResponseRedirect:
    return HttpResponseRedirect(reverse("admin:accounts_organisation_change", args=[organisation.pk]))
