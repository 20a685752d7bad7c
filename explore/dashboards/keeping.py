"""Dashboards as they are kept: who finds which, and how they are made, changed and deleted."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.urls import reverse
from django.utils import timezone

from accounts import audit
from accounts.models import Organisation, User
from explore import permissions
from explore.dashboards import document, overview
from explore.dashboards.document import Document, Panel
from explore.models import Dashboard
from foundation.places import Found
from foundation.refusals import Refusal

MOST = 200
CHANGED_MEANWHILE = "Somebody else has changed it meanwhile. Reload the page, and change it again."


@dataclass(frozen=True, slots=True)
class Shown:
    """A dashboard to be shown: its row, or none for the overview."""

    document: Document
    row: Dashboard | None = None

    @property
    def name(self) -> str:
        """What addresses call it."""
        return str(self.row.pk) if self.row else overview.NAME

    @property
    def words(self) -> str:
        """What the access log calls it."""
        return f"{self.document.title} ({self.name}, edition {self.row.edition})" if self.row else overview.TITLE


def visible(user: User, organisation: Organisation) -> QuerySet[Dashboard]:
    """Return the organisation's dashboards that `user` may see."""
    wanted = Q(owner=user) | ~Q(access=Dashboard.Access.PRIVATE)
    if user.has_perm("explore.change_dashboard"):
        wanted |= Q(owner=None)
    return Dashboard.objects.filter(wanted, organisation=organisation).select_related("owner")


def shown(user: User, organisation: Organisation, name: str) -> Shown:
    """Return a dashboard that `user` may see, by its number or `overview`. Raises: `Refusal`."""
    if not permissions.may_view_dashboards(user):
        raise Refusal("forbidden", "You may not look at dashboards.")
    if name == overview.NAME:
        return Shown(overview.overview(organisation.pk, now=timezone.now()))
    row = row_of(user, organisation, name)
    return Shown(document.stored(row.document, row.title), row)


def row_of(user: User, organisation: Organisation, name: str) -> Dashboard:
    """Return the row of a dashboard that `user` may see. Raises: `Refusal` `not_found`, of others' too."""
    is_number = name.isascii() and name.isdecimal() and len(name) < 19
    row = visible(user, organisation).filter(pk=int(name)).first() if is_number else None
    if row is None or not permissions.may_see(user, row):
        raise Refusal("not_found", "There is no such dashboard, or it is somebody's own.")
    return row


def make(user: User, organisation: Organisation, given: Mapping[str, Any], *, access: str) -> Dashboard:
    """Keep a new dashboard of `user`'s. Raises: `Refusal`."""
    if not permissions.may_make_dashboards(user):
        raise Refusal("forbidden", "You may not make dashboards.")
    read = document.read(given, organisation.pk)
    with transaction.atomic():
        Organisation.objects.select_for_update(no_key=True).get(pk=organisation.pk)  # they are counted one by one
        if Dashboard.objects.filter(organisation=organisation).count() >= MOST:
            raise Refusal("invalid_payload", f"{organisation} has {MOST} dashboards, the most there may be.")
        return Dashboard.objects.create(
            owner=user, organisation=organisation, title=read.title, access=_access(access), document=_kept(read)
        )


def change(
    user: User, row: Dashboard, given: Mapping[str, Any], *, edition: int, access: str | None = None
) -> Dashboard:
    """Keep what a dashboard is from now on, unless somebody else has changed it since `edition`. Raises: `Refusal`."""
    if not permissions.may_change(user, row):
        raise Refusal("forbidden", "You may not change this dashboard. Make a copy of it.")
    read = document.read(given, row.organisation_id)
    values: dict[str, Any] = {"title": read.title, "document": _kept(read)}
    if access is not None and access != row.access:
        if not permissions.may_share(user, row):
            raise Refusal("forbidden", "Only its owner says who may see or change a dashboard.")
        values["access"] = _access(access)
    with transaction.atomic():
        rows = Dashboard.objects.filter(pk=row.pk, edition=edition)
        if not rows.update(edition=F("edition") + 1, changed_at=timezone.now(), **values):
            raise Refusal("invalid_payload", CHANGED_MEANWHILE)
        before = {"edition": row.edition, "access": row.access, "panels": len(row.document.get("panels", ()))}
        row.refresh_from_db()
        after = {"edition": row.edition, "access": row.access, "panels": len(read.panels)}
        audit.record(row, {name: (before[name], after[name]) for name in before})
    return row


def add_panel(user: User, row: Dashboard, panel: Panel) -> Dashboard:
    """Put a panel below the others, under an id of its own. Raises: `Refusal`."""
    kept = document.stored(row.document, row.title)
    taken = {one.id for one in kept.panels}
    number = next(n for n in range(1, len(taken) + 2) if f"p{n}" not in taken)
    panels = (*kept.panels, msgspec.structs.replace(panel, id=f"p{number}"))
    given = msgspec.to_builtins(msgspec.structs.replace(kept, panels=panels))
    return change(user, row, given, edition=row.edition)


def delete(user: User, row: Dashboard) -> None:
    """Delete a dashboard. Raises: `Refusal`."""
    if not permissions.may_delete(user, row):
        raise Refusal("forbidden", "Only its owner may delete a dashboard.")
    row.delete()


def find(user: Any, text: str, limit: int) -> Iterator[Found]:
    """Find for the palette the dashboards that `user` may see, by a part of their title."""
    if permissions.may_view_dashboards(user):
        wanted = Q(owner=user) | ~Q(access=Dashboard.Access.PRIVATE)
        rows = Dashboard.objects.filter(wanted, title__icontains=text).select_related("organisation")
        for row in rows[:limit]:
            yield Found(title=f"{row.title}, {row.organisation.name}", what="dashboard", url=address(row))


def address(row: Dashboard) -> str:
    """Return where a dashboard is shown."""
    return f"{reverse('admin:dashboard', args=[row.pk])}?organisation={row.organisation.slug}"


def _kept(read: Document) -> dict[str, Any]:
    kept: dict[str, Any] = msgspec.to_builtins(read)
    del kept["title"]
    return kept


def _access(text: str) -> str:
    if text not in Dashboard.Access.values:
        raise Refusal("invalid_payload", f"access must be one of {', '.join(Dashboard.Access.values)}.")
    return text
