"""The console's pages of erasures: asked for after a look, confirmed or withdrawn, and how far they are.

Scrubbing of what is stored is shown here, and asked for by a command only.
"""

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse

from accounts import looks
from accounts.addresses import client_address
from accounts.forms import ConfirmForm
from accounts.looks import Looker
from accounts.staff import member
from accounts.steps import Question, ask, find
from foundation.holdings import belongings
from foundation.readonly import ReadOnlyAdmin
from operations.erasures import counting, life
from operations.erasures.forms import ErasureForm
from operations.erasures.life import ErasureError
from operations.models import Erasure


@admin.register(Erasure)
class ErasureAdmin(ReadOnlyAdmin):
    change_form_template = "admin/operations/erasure/change_form.html"
    empty_list = "Nothing was asked for. Begin on the page of an organisation, or with bin/luminalog erase."
    list_display = ["id", "organisation", "kind", "status", "phase", "entries", "reference", "asked_by", "asked_at"]
    list_filter = ["status", "kind"]
    list_select_related = ["organisation"]
    search_fields = ["organisation__name", "organisation__slug", "reference", "=digest"]
    search_help_text = "Organisation, reference or fingerprint"
    exclude = ["seen", "asked_by_id", "confirmed_by_id", "elsewhere"]
    readonly_fields = ["beside"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Erasure]:
        found: QuerySet[Erasure] = super().get_queryset(request)
        return found.select_related("organisation")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("operations.add_erasure")

    @admin.display(description="what else held it", empty_value="-")
    def beside(self, erasure: Erasure) -> str:
        return ", ".join(f"{rows:,} {name}" for name, rows in sorted(erasure.elsewhere.items()))

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        own = [
            path("<path:object_id>/confirm/", view(self.confirm), name="operations_erasure_confirm"),
            path("<path:object_id>/withdraw/", view(self.withdraw), name="operations_erasure_withdraw"),
        ]
        return own + super().get_urls()

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:  # noqa: ARG002
        """Ask what is to be erased, show how much that is, and begin once somebody has seen it."""
        if not self.has_add_permission(request):
            raise PermissionDenied("operations.add_erasure")
        form = ErasureForm(request.POST or None, initial={"organisation": request.GET.get("organisation")})
        counts = None
        if request.method == "POST" and form.is_valid():
            if "_erase" in request.POST:
                return self._begun(request, form)
            counts = counting.glance(form.cleaned_data["organisation"].pk, form.doing)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": "Erase",
            "form": form,
            "counts": counts,
            "values": form.doing.sought.wanted.values if counts and form.doing.sought else (),
            "goes_along": [one.name for one in belongings()] if counts and not form.doing.sought else (),
        }
        return TemplateResponse(request, "admin/operations/erasure/ask.html", context)

    def confirm(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Let an erasure begin that somebody else has asked for."""
        erasure: Erasure = find(self, request, unquote(object_id), permission="operations.confirm_erasure")
        if request.method == "POST":
            return self._step(request, erasure, life.confirm, said="The erasure is confirmed, and begins.")
        everything = f"everything of {erasure.organisation}"
        question = Question(
            title=f"Confirm {erasure}",
            consequence=f"{erasure.asked_by} wants erased for ever: {erasure.wanted or everything}",
            button="Erase for ever",
            is_grave=True,
        )
        return ask(self, request, erasure, question=question, form=ConfirmForm())

    def withdraw(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Give an erasure up that has not begun."""
        erasure: Erasure = find(self, request, unquote(object_id), permission="operations.add_erasure")
        if request.method == "POST":
            return self._step(request, erasure, life.withdraw, said="The erasure is withdrawn. Nothing was erased.")
        question = Question(
            title=f"Withdraw {erasure}",
            consequence="Nothing has been erased yet, and nothing will be. What it names is forgotten.",
            button="Withdraw",
        )
        return ask(self, request, erasure, question=question, form=ConfirmForm())

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *arguments: Any, **options: Any) -> Any:
        erasure: Erasure | None = options.get("obj")
        waits = erasure is not None and erasure.status == Erasure.Status.ASKED
        is_other = erasure is not None and member(request).pk != erasure.asked_by_id
        context |= {
            "may_confirm": waits and is_other and request.user.has_perm("operations.confirm_erasure"),
            "may_withdraw": waits and request.user.has_perm("operations.add_erasure"),
            "waits_for_another": waits and not is_other,
        }
        return super().render_change_form(request, context, *arguments, **options)

    def _begun(self, request: HttpRequest, form: ErasureForm) -> HttpResponse:
        asked = {name: form.cleaned_data[name] for name in ("kind", "reference")}
        wanted = form.cleaned_data["wanted"] if form.doing.sought else ""
        erasure = life.ask(form.cleaned_data["organisation"], **asked, wanted=wanted, by=_staff(request))
        soon = "within seconds" if form.doing.sought else "in a minute"
        waits = erasure.status == Erasure.Status.ASKED
        said = "It begins once somebody else has confirmed it." if waits else f"It begins {soon}."
        self.message_user(request, said, messages.SUCCESS)
        return _back_to(erasure)

    def _step(self, request: HttpRequest, erasure: Erasure, step: Any, *, said: str) -> HttpResponse:
        try:
            step(erasure.pk, by=_staff(request))
            self.message_user(request, said, messages.SUCCESS)
        except ErasureError as error:
            self.message_user(request, str(error), messages.ERROR)
        return _back_to(erasure)


def _staff(request: HttpRequest) -> Looker:
    return looks.member_of_staff(member(request), address=client_address(request))


def _back_to(erasure: Erasure) -> HttpResponseRedirect:
    return HttpResponseRedirect(reverse("admin:operations_erasure_change", args=[erasure.pk]))
