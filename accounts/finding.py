"""What of ours the palette finds: organisations, projects, and keys by their name or the characters that are shown."""

from collections.abc import Iterator
from typing import Any

from django.db.models import Q
from django.urls import reverse

from accounts.models import ApiKey, Organisation, Project
from foundation.places import Found


def organisations(user: Any, text: str, limit: int) -> Iterator[Found]:
    """Find organisations by name or short name."""
    if user.has_perm("accounts.view_organisation"):
        for one in Organisation.objects.filter(Q(name__icontains=text) | Q(slug__icontains=text))[:limit]:
            url = reverse("admin:accounts_organisation_change", args=[one.pk])
            yield Found(title=one.name, what="organisation", url=url)


def projects(user: Any, text: str, limit: int) -> Iterator[Found]:
    """Find projects by name or short name."""
    if user.has_perm("accounts.view_project"):
        rows = Project.objects.select_related("organisation")
        for one in rows.filter(Q(name__icontains=text) | Q(slug__icontains=text))[:limit]:
            yield Found(title=str(one), what="project", url=reverse("admin:accounts_project_change", args=[one.pk]))


def api_keys(user: Any, text: str, limit: int) -> Iterator[Found]:
    """Find keys by name, by the first or last characters, or by both with … between: no key is asked for whole."""
    if user.has_perm("accounts.view_apikey"):
        rows = ApiKey.objects.select_related("organisation")
        begins, _, ends = text.partition("…")
        named = Q(prefix=begins, suffix=ends) if ends else Q(name__icontains=text) | Q(prefix=text) | Q(suffix=text)
        for one in rows.filter(named).order_by("revoked_at", "name")[:limit]:
            title = f"{one.name} ({one.prefix}…{one.suffix}), {one.organisation.name}"
            yield Found(title=title, what="API key", url=reverse("admin:accounts_apikey_change", args=[one.pk]))
