"""Edges: how each is; made, with a token that is shown once, retired and revoked. None is changed or deleted."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.forms import Form, ModelForm
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.cache import add_never_cache_headers

from accounts.forms import ReasonForm
from accounts.steps import Question, ask, find
from edges import life
from edges.models import Edge
from edges.standing import standing_of, with_loans
from foundation import places
from foundation.phrases import ago
from foundation.readonly import ReadOnlyAdmin
from foundation.sizes import format_bytes

places.lists("operations", of="edges.edge", title="Edges", order=3)


NEW = ["name", "region", "takes_all", "organisations", "allowed_networks"]
ENDING = "edges.end_edge"


@admin.register(Edge)
class EdgeAdmin(ReadOnlyAdmin):
    empty_list = "There are no edges. Add one here, or by bin/luminalog edges create: docs/edges.md."
    change_form_template = "admin/edges/edge/change_form.html"
    search_fields = ["name", "region"]
    list_display = ["name", "region", "standing", "seen", "waits", "lent", "takes", "version"]
    fields = [
        "name", "region", "standing", "seen", "version", "waits", "lent", "short", "clock", "refused_batches",
        "takes", "allowed_networks", "created_at", "retiring_at", "revoked_at", "revoked_reason",
    ]  # fmt: skip
    readonly_fields = ["standing", "seen", "waits", "lent", "short", "clock", "takes"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("edges.add_edge"))

    def get_fields(self, request: HttpRequest, obj: Edge | None = None) -> Any:
        return super().get_fields(request, obj) if obj else NEW

    def get_readonly_fields(self, request: HttpRequest, obj: Edge | None = None) -> Any:
        return super().get_readonly_fields(request, obj) if obj else []

    def save_model(self, request: HttpRequest, obj: Edge, form: "ModelForm[Edge]", change: bool) -> None:  # noqa: ARG002
        request.issued = life.create(obj, organisations=form.cleaned_data["organisations"])  # type: ignore[attr-defined]

    def response_add(self, request: HttpRequest, obj: Edge, post_url_continue: str | None = None) -> HttpResponse:  # noqa: ARG002
        """Show the token, on a page that no cache and no history keeps."""
        context = {
            **self.admin_site.each_context(request),
            "title": "Copy the token now",
            "issued": request.issued,  # type: ignore[attr-defined]
            "takes_nobody": not obj.takes_all and not obj.organisations.exists(),
            "address": request.build_absolute_uri("/").rstrip("/"),
            "next": reverse("admin:edges_edge_change", args=[obj.pk]),
        }
        response = TemplateResponse(request, "admin/edges/edge/issued.html", context)
        add_never_cache_headers(response)
        return response

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        own = [
            path("<path:object_id>/retire/", view(self.retire), name="edges_edge_retire"),
            path("<path:object_id>/revoke/", view(self.revoke), name="edges_edge_revoke"),
        ]
        return own + super().get_urls()

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], **how: Any) -> HttpResponse:  # type: ignore[override]
        edge = how.get("obj")
        may_retire = bool(edge and not edge.revoked_at and request.user.has_perm(ENDING))
        return super().render_change_form(request, context | {"may_retire": may_retire}, **how)

    def retire(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Have an edge take no more, and forward what it has."""
        edge = find(self, request, object_id, permission=ENDING)
        form = Form(request.POST or None)
        if request.method == "POST":
            if not edge.revoked_at and life.begin_to_retire(edge.pk):
                done = f"{edge} takes no more. Once nothing waits there, bin/luminalog edges retire {edge} ends it."
                self.message_user(request, done, messages.SUCCESS)
            else:
                self.message_user(request, "This edge retires already, or has ended.", messages.WARNING)
            return _back_to(edge)
        question = Question(
            title=f"Retire {edge}",
            consequence="It takes no more batches within seconds, forwards what it has, and gives back what it"
            " borrowed. Send its clients elsewhere before.",
            button="Retire",
        )
        return ask(self, request, edge, question=question, form=form)

    def revoke(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """End an edge's token at once."""
        edge = find(self, request, object_id, permission=ENDING)
        form = ReasonForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            if life.revoke(edge.pk, reason=form.cleaned_data["reason"]):
                self.message_user(request, f"{edge} has ended, and what was lent to it is free.", messages.SUCCESS)
            else:
                self.message_user(request, "This edge had ended before.", messages.WARNING)
            return _back_to(edge)
        question = Question(
            title=f"Revoke {edge}",
            consequence="Its token works no more, for ever. What it has not forwarded is not taken: retire an edge"
            " that is there, and revoke it when nothing waits there.",
            button="Revoke for ever",
            is_grave=True,
        )
        return ask(self, request, edge, question=question, form=form)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Edge]:
        edges: QuerySet[Edge] = super().get_queryset(request)
        return with_loans(edges).prefetch_related("organisations")

    @admin.display(description="standing")
    def standing(self, edge: Edge) -> str:
        return standing_of(edge).word

    @admin.display(description="last seen", ordering="last_seen_at")
    def seen(self, edge: Edge) -> str:
        return ago(edge.last_seen_at) if edge.last_seen_at else "never"

    @admin.display(description="waits there", ordering="waiting_batches")
    def waits(self, edge: Edge) -> str:
        if not edge.waiting_batches:
            return "nothing"
        size = format_bytes(edge.waiting_bytes)
        return f"{edge.waiting_batches} batches, {size}, the oldest for {edge.oldest_seconds:.0f} s"

    @admin.display(description="lent to it")
    def lent(self, edge: Any) -> str:
        return format_bytes(edge.unspent_bytes)

    @admin.display(description="forwarded beyond that")
    def short(self, edge: Any) -> str:
        return format_bytes(edge.short_bytes)

    @admin.display(description="its clock, less ours")
    def clock(self, edge: Edge) -> str:
        return f"{edge.clock_seconds:+.1f} s"

    @admin.display(description="who may send there")
    def takes(self, edge: Edge) -> str:
        if edge.takes_all:
            return "everybody"
        return ", ".join(sorted(one.slug for one in edge.organisations.all())) or "nobody"


def _back_to(edge: Edge) -> HttpResponseRedirect:
    return HttpResponseRedirect(reverse("admin:edges_edge_change", args=[edge.pk]))
