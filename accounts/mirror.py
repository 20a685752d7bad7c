"""Organisations, projects and keys as an edge mirrors them: read at the core, written into the same tables at an edge.

The ids stay, so all that looks keys up works there as here. Of a key only its hash travels. What is gone at the core
stays at the edge: a key as one that has expired, since it may come back; an organisation as one that is suspended.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Annotated

from django.db.models.functions import Now
from msgspec import Meta, Struct

from accounts.directory import in_good_standing
from accounts.models import ApiKey, Organisation, Project
from foundation.postgres import execute

GONE = "not at the core"
#: Names that others have at the core now are free when they are written.
FREE_NAMES = """
WITH organisations AS (UPDATE accounts_organisation SET slug = 'gone-' || id)
UPDATE accounts_project SET slug = 'gone-' || id
"""
OF_ORGANISATION, OF_PROJECT = ("name", "slug", "status"), ("organisation_id", "name", "slug")
OF_KEY = (
    "organisation_id", "project_id", "environment", "kind", "scopes", "requests_per_minute", "allowed_networks",
    "allowed_origins", "daily_bytes", "keeps_overflow", "invalid_entries", "minimum_level", "expires_at",
)  # fmt: skip

Id = Annotated[int, Meta(ge=1)]


class MirroredOrganisation(Struct, frozen=True, kw_only=True):
    """An organisation, suspended or not."""

    id: Id
    name: str
    slug: str
    status: str


class MirroredProject(Struct, frozen=True, kw_only=True):
    """A project."""

    id: Id
    organisation_id: Id
    name: str
    slug: str


class MirroredKey(Struct, frozen=True, kw_only=True):
    """A key in force, with all that a `Caller` has."""

    id: Id
    organisation_id: Id
    project_id: Id
    sha256: bytes
    environment: str
    kind: str
    scopes: list[str]
    requests_per_minute: int | None
    allowed_networks: list[str]
    allowed_origins: list[str]
    daily_bytes: int | None
    keeps_overflow: bool
    invalid_entries: str
    minimum_level: int
    expires_at: datetime | None


class Accounts(Struct, frozen=True, kw_only=True):
    """Who may call."""

    organisations: list[MirroredOrganisation]
    projects: list[MirroredProject]
    keys: list[MirroredKey]


def read(organisation_ids: Collection[int]) -> Accounts:
    """Return who of these organisations may call, in the caller's snapshot; in the order of ids."""
    organisations = Organisation.objects.filter(pk__in=organisation_ids).order_by("pk")
    projects = Project.objects.filter(organisation__in=organisation_ids).order_by("pk")
    keys = in_good_standing().filter(organisation__in=organisation_ids).order_by("pk")
    return Accounts(
        organisations=[MirroredOrganisation(**row) for row in organisations.values("id", *OF_ORGANISATION)],
        projects=[MirroredProject(**row) for row in projects.values("id", *OF_PROJECT)],
        keys=[MirroredKey(**row | {"sha256": bytes(row["sha256"])}) for row in keys.values("id", "sha256", *OF_KEY)],
    )


def write(found: Accounts) -> None:
    """Make the tables say what the core said, in the caller's transaction."""
    ids = [one.id for one in found.organisations]
    execute(FREE_NAMES)
    Organisation.objects.bulk_create(
        [Organisation(**_fields(one), suspended_reason=_reason(one.status)) for one in found.organisations],
        update_conflicts=True, unique_fields=["id"], update_fields=[*OF_ORGANISATION, "suspended_reason"],
    )  # fmt: skip
    Organisation.objects.exclude(pk__in=ids).update(status=Organisation.Status.SUSPENDED, suspended_reason=GONE)
    Project.objects.bulk_create(
        [Project(**_fields(one)) for one in found.projects],
        update_conflicts=True, unique_fields=["id"], update_fields=list(OF_PROJECT),
    )  # fmt: skip
    _write_keys(found.keys)


def _write_keys(keys: Collection[MirroredKey]) -> None:
    ids = [one.id for one in keys]
    ApiKey.objects.bulk_create(
        [ApiKey(**_fields(one), name=f"key {one.id}", prefix="ll_", suffix="") for one in keys],
        update_conflicts=True,
        unique_fields=["id"],
        update_fields=list(OF_KEY),
        batch_size=2_000,
    )
    ApiKey.objects.in_force().exclude(pk__in=ids).update(expires_at=Now())


def _reason(status: str) -> str:
    return "" if status == Organisation.Status.ACTIVE else "suspended at the core"


def _fields(one: Struct) -> dict[str, object]:
    return {name: getattr(one, name) for name in one.__struct_fields__}
