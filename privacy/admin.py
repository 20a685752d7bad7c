"""An organisation's privacy rules: to change, to try out, and what they have found lately."""

import secrets
from collections.abc import Callable
from datetime import UTC, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone

from accounts.forms import ConfirmForm
from accounts.settings_admin import SettingsAdmin
from accounts.steps import Question, ask, find
from foundation import places
from privacy.forms import PolicyForm, unsaved_rules
from privacy.models import Policy, Rule
from privacy.own_rules import MOST_RULES
from privacy.policies import rules_now
from privacy.scrubbing import Scrubber
from quotas import usage

if TYPE_CHECKING:
    TabularInline = admin.TabularInline[Any, Any]
else:
    TabularInline = admin.TabularInline  # only django-stubs' is generic

HOURS_SHOWN = 24

places.lists("customers", of="privacy.policy", title="Privacy", order=6)


class RuleInline(TabularInline):
    """Own rules belong to their organisation's: whoever may change those may change these."""

    model = Rule
    extra = 1
    max_num = MOST_RULES

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002 - Django's signature
        return request.user.has_perm("privacy.view_policy") or self._may_change(request)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        return self._may_change(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        return self._may_change(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        return self._may_change(request)

    def _may_change(self, request: HttpRequest) -> bool:
        return request.user.has_perm("privacy.change_policy")


@admin.register(Policy)
class PolicyAdmin(SettingsAdmin):
    #: What rules would do, for the page: set by who knows entries and the log store.
    trial: Callable[..., dict[str, Any]]

    form = PolicyForm
    change_form_template = "admin/privacy/policy/change_form.html"
    inlines = [RuleInline]
    list_display = ["organisation", "mode", "secrets", "money", "identity", "contact", "network", "own"]
    list_filter = ["mode"]
    fieldsets = [
        (None, {"fields": ["mode"]}),
        (
            "What becomes of",
            {"fields": [("secrets", "money"), ("identity", "contact"), ("network", "own")]},
        ),
        ("Fields", {"fields": ["safe_fields", "sensitive_fields"]}),
        ("Privacy mode", {"fields": ["honours_privacy_mode"]}),
        ("Erasing", {"fields": ["erasing_needs_two"]}),
    ]

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        own = [
            path("<path:object_id>/change/try/", view(self.try_out), name="privacy_policy_try"),
            path("<path:object_id>/find/", view(self.find_value), name="privacy_policy_find"),
            path("<path:object_id>/new-salt/", view(self.new_salt), name="privacy_policy_new_salt"),
        ]
        return own + super().get_urls()

    def try_out(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Show what the posted form would do, saved or not. What was pasted is shown once, and kept nowhere."""
        policy = self._found(request, object_id, permission="privacy.change_policy")
        change = reverse("admin:privacy_policy_change", args=[policy.pk])
        if request.method != "POST":
            return HttpResponseRedirect(change)
        form = self.get_form(request, policy, change=True)(request.POST, instance=policy)
        own = self._own_rules(request, policy)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": "Try the rules",
            "subtitle": str(policy),
            "original": policy,
            "form": form,
            "own": own,
            "change_url": change,
        }
        if form.is_valid() and own.is_valid():
            kept = [row.instance for row in own.forms if row not in own.deleted_forms and row.instance.name]
            rules = unsaved_rules(policy, kept)
            sample = request.POST.get("sample", "").strip()
            context |= self.trial(policy.pk, rules, sample, now=timezone.now()) | {"is_valid": True}
        return TemplateResponse(request, "admin/privacy/policy/try.html", context)

    def find_value(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Lead to the entries that hold the hash of a value; the value itself is in no address and no log."""
        policy = self._found(request, object_id, permission="explore.view_logs")
        text, changes = Scrubber(rules_now(policy.pk)).scrub_text(request.POST.get("value", "").strip())
        if request.method != "POST" or not any(change.action == "hash" for change in changes):
            self.message_user(request, "Nothing in this value is hashed by these rules.", messages.WARNING)
            return HttpResponseRedirect(reverse("admin:privacy_policy_change", args=[policy.pk]))
        query = urlencode({"organisation": policy.organisation.slug, "query": f'"{text}"'})
        return HttpResponseRedirect(f"{reverse('admin:explorer')}?{query}")

    def new_salt(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Make new hashes of everything from now on."""
        policy = self._found(request, object_id, permission="privacy.change_policy")
        if request.method == "POST":
            policy.salt = secrets.token_hex(16)
            policy.save()
            self.message_user(request, "Values get new hashes within 10 seconds.", messages.SUCCESS)
            return HttpResponseRedirect(reverse("admin:privacy_policy_change", args=[policy.pk]))
        question = Question(
            title=f"A new salt for {policy.organisation}",
            consequence="The same value gets another hash from now on: entries of before and after can no longer be "
            "found together, and those of before not by their value.",
            button="Make a new salt",
            is_grave=True,
        )
        return ask(self, request, policy, question=question, form=ConfirmForm())

    def page(self, request: HttpRequest, row: Policy) -> dict[str, Any]:
        return {
            "may_view_logs": request.user.has_perm("explore.view_logs"),
            "found": _found_lately(row.pk) if request.user.has_perm("quotas.view_monthlyusage") else None,
        }

    def _found(self, request: HttpRequest, object_id: str, *, permission: str) -> Policy:
        policy: Policy = find(self, request, unquote(object_id), permission=permission)
        if not request.user.has_perm("privacy.view_policy"):
            raise PermissionDenied("privacy.view_policy")
        return policy

    def _own_rules(self, request: HttpRequest, policy: Policy) -> Any:
        [(formset, _)] = self.get_formsets_with_inlines(request, policy)
        return formset(request.POST, instance=policy, prefix=formset.get_default_prefix())


def _found_lately(organisation_id: int) -> list[tuple[Any, list[tuple[str, int, str]]]]:
    """Return what was found in the last hours: by hour, the newest first, and detector."""
    since = timezone.now().astimezone(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=HOURS_SHOWN)
    hours = usage.usage_by(usage.HOUR, organisation_id, since=since)
    lines = [(hour.of, _line(hour)) for hour in reversed(hours)]
    return [(hour, found) for hour, found in lines if found]


def _line(hour: usage.Usage) -> list[tuple[str, int, str]]:
    return [
        *((detector, entries, "replaced") for detector, entries in hour.scrubbed_entries.items()),
        *((detector, entries, "reported") for detector, entries in hour.reported_entries.items()),
        *([("entry", hour.withheld_entries, "withheld")] if hour.withheld_entries else []),
    ]
