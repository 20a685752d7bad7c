"""The console's pages of LuminaLog itself: is it well, and how large is what it keeps?"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.contrib.admin import AdminSite
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone

from foundation.postgres import fetch_all
from operations import vitals
from operations.doctor.examination import examine
from operations.doctor.finding import Severity
from storage.store import MINIMUM_DAYS_AHEAD, store

TABLES_SHOWN = 12
DATABASE = "SELECT pg_database_size(current_database())"
#: By tables: a partition counts for its own, and indexes and TOAST for their table.
LARGEST = """
SELECT relname, pg_total_relation_size(oid), greatest(reltuples, 0)::bigint
  FROM pg_class
 WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace AND NOT relispartition
 ORDER BY 2 DESC, 1 LIMIT %s
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """A table that is no day of the log store's."""

    name: str
    size_bytes: int
    rows: int


def health(request: HttpRequest, site: AdminSite) -> HttpResponse:
    """Show all that the doctor finds, the worst first."""
    worst_first = (Severity.ERROR, Severity.WARNING, Severity.OK)
    findings = sorted(examine(), key=lambda finding: worst_first.index(finding.level))
    bad = sum(finding.level != Severity.OK for finding in findings)
    context = {"title": "Health", "findings": findings, "bad": bad, "examined_at": timezone.now()}
    return _page(request, site, "admin/operations/health.html", context)


def sizes(request: HttpRequest, site: AdminSite) -> HttpResponse:
    """Show the days of the log store, the tables beside it, and the disks."""
    days = sorted(store().days.stored(), key=lambda one: one.day, reverse=True)
    [(database_bytes,)] = fetch_all(DATABASE)
    context = {
        "title": "Partitions and sizes",
        "days": days,
        "today": datetime.now(UTC).date(),
        "most_bytes": max((one.size_bytes for one in days), default=0) or 1,
        "entries": sum(one.entries for one in days),
        "size_bytes": sum(one.size_bytes for one in days),
        "ahead": vitals.partitions_ahead(),
        "ahead_needed": MINIMUM_DAYS_AHEAD,
        "database_bytes": database_bytes,
        "tables": [
            Table(name=name, size_bytes=size, rows=rows) for name, size, rows in fetch_all(LARGEST, [TABLES_SHOWN])
        ],
        "disks": vitals.disks(),
        "disks_are_named": bool(settings.DISK_PATHS),
    }
    return _page(request, site, "admin/operations/sizes.html", context)


def _page(request: HttpRequest, site: AdminSite, template: str, context: dict[str, Any]) -> TemplateResponse:
    return TemplateResponse(request, template, {**site.each_context(request), **context})
