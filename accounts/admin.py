"""Admin pages of projects and API keys; staff and trails are in `staff_admin`, organisations above us."""

from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts import finding, life, staff_admin
from accounts.droppers import drops_refused
from accounts.forms import ApiKeyForm, ReasonForm, RotateForm
from accounts.models import ApiKey, Project
from accounts.staff import member
from accounts.standing import standing
from accounts.steps import Question, ask, find, show_once
from foundation import places
from foundation.paging import BoundedPaginator
from foundation.phrases import ago, until

if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[Any]
else:
    ModelAdmin = admin.ModelAdmin  # only django-stubs' is generic

__all__ = ["staff_admin"]  # Django looks for pages here

places.lists("customers", of="accounts.project", title="Projects", order=2)
places.lists("customers", of="accounts.apikey", title="API keys", order=3)
places.offer("organisations", finding.organisations)
places.offer("projects", finding.projects)
places.offer("api keys", finding.api_keys)


class NeverDeleted(ModelAdmin):
    """Rows that logs and usage refer to: ended, never deleted."""

    show_full_result_count = False
    paginator = BoundedPaginator
    list_per_page = 50

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002 - Django's signature
        return False

    def page(self, request: HttpRequest, row: Any) -> dict[str, Any]:  # noqa: ARG002 - others look at them
        """Return what the page of a row shows beside its form."""
        return {}

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: Any = None,
    ) -> HttpResponse:
        if obj:
            context |= self.page(request, obj)
        return super().render_change_form(request, context, add=add, change=change, form_url=form_url, obj=obj)


@admin.register(Project)
class ProjectAdmin(NeverDeleted):
    empty_list = "No project yet. An organisation needs one before it can have a key."
    list_display = ["name", "organisation", "slug", "created_at"]
    list_select_related = ["organisation"]
    search_fields = ["name", "slug", "organisation__name", "organisation__slug"]
    autocomplete_fields = ["organisation"]
    prepopulated_fields = {"slug": ["name"]}
    ordering = ["organisation__name", "name"]
    fields = ["organisation", "name", "slug"]

    def get_readonly_fields(self, request: HttpRequest, obj: Project | None = None) -> list[str]:  # noqa: ARG002
        """Entries carry the slug and keys belong to the organisation: neither changes any more."""
        return ["organisation", "slug"] if obj else []

    def get_prepopulated_fields(self, request: HttpRequest, obj: Project | None = None) -> dict[str, Any]:
        return {} if obj else dict(super().get_prepopulated_fields(request, obj))


class StandingFilter(admin.SimpleListFilter):
    """Keys by their standing, and the lists of the start page."""

    title = parameter_name = "standing"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:  # noqa: ARG002
        return [
            ("in_force", "In force"),
            ("straggling", "Rotated, still in use"),
            ("expiring", "Expire within 14 days"),
            ("overdue", "Not rotated for 90 days"),
            ("overheard", "Seen over plain HTTP"),
            ("expired", "Expired"),
            ("revoked", "Revoked"),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> QuerySet[ApiKey]:  # noqa: ARG002
        keys = ApiKey.objects.all()
        match self.value():
            case "expired":
                return queryset.filter(revoked_at=None, expires_at__lte=timezone.now())
            case "revoked":
                return queryset.exclude(revoked_at=None)
            case "straggling":
                chosen = keys.stragglers()
            case "in_force" | "expiring" | "overdue" | "overheard" as name:
                chosen = getattr(keys, name)()
            case _:
                return queryset
        return queryset.filter(pk__in=chosen.order_by().values("pk"))


@admin.register(ApiKey)
class ApiKeyAdmin(NeverDeleted):
    empty_list = "No key yet. Whoever sends logs needs one: add it here, or on the page of an organisation."
    form = ApiKeyForm
    change_form_template = "admin/accounts/apikey/change_form.html"
    list_display = ["name", "hint", "badge", "owner", "environment", "used", "ends"]
    list_select_related = ["organisation", "project", "successor"]
    list_filter = [StandingFilter]
    search_fields = ["name", "=prefix", "=suffix", "organisation__name", "project__name", "environment"]
    search_help_text = "Name, first 7 or last 4 characters, organisation, project or environment"
    autocomplete_fields = ["project"]
    fieldsets = [
        (None, {"fields": ["project", "name", "environment", "kind", "scopes", "expires_at"]}),
        ("Limits", {"fields": ["requests_per_minute", "keeps_overflow", "allowed_networks"]}),
        ("Public keys", {"fields": ["allowed_origins", "daily_bytes"]}),
        ("Entries", {"fields": ["invalid_entries", "minimum_level"]}),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[ApiKey]:
        return super().get_queryset(request).select_related("organisation", "project", "created_by", "successor")

    def get_readonly_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> list[str]:  # noqa: ARG002
        """A key that was public has been seen: it never becomes a secret."""
        return ["project", "kind"] if obj else []

    def has_change_permission(self, request: HttpRequest, obj: ApiKey | None = None) -> bool:
        """A revoked key is history."""
        return super().has_change_permission(request, obj) and not (obj and obj.revoked_at)

    def save_model(self, request: HttpRequest, obj: ApiKey, form: "ModelForm[ApiKey]", change: bool) -> None:
        """Issue a new key; of an old one write only what was changed, since workers and other steps write to it too."""
        if change:
            obj.save(update_fields=form.changed_data)
        else:
            request.issued = life.issue(obj, by=member(request))  # type: ignore[attr-defined]

    def response_add(self, request: HttpRequest, obj: ApiKey, post_url_continue: str | None = None) -> HttpResponse:  # noqa: ARG002
        return show_once(self, request, request.issued)  # type: ignore[attr-defined]

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        own = [
            path("<path:object_id>/rotate/", view(self.rotate), name="accounts_apikey_rotate"),
            path("<path:object_id>/revoke/", view(self.revoke), name="accounts_apikey_revoke"),
        ]
        return own + super().get_urls()

    def rotate(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Issue a successor and let the old key retire."""
        api_key = find(self, request, object_id, permission="accounts.add_apikey")
        form = RotateForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            try:
                issued = life.rotate(api_key.pk, by=member(request), grace=form.grace)
            except life.KeyLifeError as error:
                self.message_user(request, str(error), messages.ERROR)
                return _back_to(api_key)
            return show_once(self, request, issued)
        question = Question(
            title=f"Rotate {api_key.name}",
            consequence="A new key with the same settings is shown once. Deploy it before the old one retires.",
            button="Rotate",
        )
        return ask(self, request, api_key, question=question, form=form)

    def revoke(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """End the key at once."""
        api_key = find(self, request, object_id, permission="accounts.revoke_apikey")
        form = ReasonForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            if life.revoke(api_key.pk, reason=form.cleaned_data["reason"]):
                done = "The key is revoked; it is refused everywhere within 10 seconds."
                self.message_user(request, done, messages.SUCCESS)
            else:
                self.message_user(request, "This key had been revoked before.", messages.WARNING)
            return _back_to(api_key)
        question = Question(
            title=f"Revoke {api_key.name}",
            consequence="Whoever uses this key is refused within 10 seconds. This cannot be undone.",
            button="Revoke for ever",
            is_grave=True,
        )
        return ask(self, request, api_key, question=question, form=form)

    def page(self, request: HttpRequest, row: ApiKey) -> dict[str, Any]:
        return {
            "standing": standing(row),
            "may_rotate": request.user.has_perm("accounts.add_apikey"),
            "may_revoke": request.user.has_perm("accounts.revoke_apikey") and not row.revoked_at,
            "is_offered_overflow": _is_offered_overflow(row),
        }

    @admin.display(description="key")
    def hint(self, api_key: ApiKey) -> SafeString:
        return format_html("<code>{}…{}</code>", api_key.prefix, api_key.suffix)

    @admin.display(description="standing")
    def badge(self, api_key: ApiKey) -> SafeString:
        return format_html('<span class="badge {0}">{0}</span>', standing(api_key))

    @admin.display(description="last used", ordering="last_used_at")
    def used(self, api_key: ApiKey) -> str:
        return ago(api_key.last_used_at) if api_key.last_used_at else "never"

    @admin.display(description="ends", ordering="expires_at")
    def ends(self, api_key: ApiKey) -> str:
        if api_key.revoked_at:
            return ago(api_key.revoked_at)
        if api_key.expires_at is None:
            return "never"
        return ago(api_key.expires_at) if api_key.expires_at <= timezone.now() else until(api_key.expires_at)

    @admin.display(description="organisation / project", ordering="organisation__name")
    def owner(self, api_key: ApiKey) -> str:
        return f"{api_key.organisation.name} / {api_key.project.name}"


def _is_offered_overflow(api_key: ApiKey) -> bool:
    is_possible = api_key.kind == ApiKey.Kind.SECRET and not api_key.keeps_overflow and not api_key.revoked_at
    return is_possible and drops_refused(api_key.last_used_client)


def _back_to(api_key: ApiKey) -> HttpResponseRedirect:
    return HttpResponseRedirect(reverse("admin:accounts_apikey_change", args=[api_key.pk]))
