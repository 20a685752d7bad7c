"""Edges: how each is, to look at. They are made and ended by commands, which show a token once."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from edges.models import Edge
from edges.standing import standing_of, with_loans
from foundation import places
from foundation.phrases import ago
from foundation.readonly import ReadOnlyAdmin
from foundation.sizes import format_bytes

places.lists("operations", of="edges.edge", title="Edges", order=3)


@admin.register(Edge)
class EdgeAdmin(ReadOnlyAdmin):
    empty_list = "There are no edges. bin/luminalog edges create makes one: docs/edges.md."
    list_display = ["name", "region", "standing", "seen", "waits", "lent", "takes", "version"]
    fields = [
        "name", "region", "standing", "seen", "version", "waits", "lent", "short", "clock", "refused_batches",
        "takes", "allowed_networks", "created_at", "retiring_at", "revoked_at", "revoked_reason",
    ]  # fmt: skip
    readonly_fields = ["standing", "seen", "waits", "lent", "short", "clock", "takes"]

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
