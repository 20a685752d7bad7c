"""What this room holds of values that clients sent: in searches that staff saved, and in dashboards.

A search that asks for a value goes; of a dashboard, what says or asks for it: the rest was somebody's work.
"""

from collections.abc import Iterator
from typing import Any

from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db.models import F

from accounts.held import changed, cut
from explore.models import Dashboard, SavedSearch
from foundation.holdings import Holding, Wanted, register


def _found(wanted: Wanted) -> Iterator[int]:
    rows = SavedSearch.objects.filter(organisation_id=wanted.organisation_id)
    return (pk for pk, _ in changed(rows, ("name", "query", "view"), wanted))


def _erase(wanted: Wanted) -> int:
    """Delete searches, and take the value out of what the admin remembers of their names."""
    ids = list(_found(wanted))
    remembered = LogEntry.objects.filter(
        content_type=ContentType.objects.get_for_model(SavedSearch), object_id__in=map(str, ids)
    )
    cut(LogEntry, changed(remembered, ("object_repr", "change_message"), wanted))
    SavedSearch.objects.filter(pk__in=ids).delete()
    return len(ids)


SEARCHES = Holding(name="saved searches", count=lambda wanted: sum(1 for _ in _found(wanted)), erase=_erase)


def _dashboards(wanted: Wanted) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield dashboards that hold a value, and what they are without it: no panel that does stays."""
    rows = Dashboard.objects.filter(organisation_id=wanted.organisation_id)
    for pk, after in changed(rows, ("title", "document"), wanted):
        document = Dashboard.objects.values_list("document", flat=True).get(pk=pk)
        kept = {
            name: [one for one in value if wanted.cut_from_all(one) == one] if isinstance(value, list) else value
            for name, value in document.items()
        }
        yield pk, {"title": after["title"], "document": kept}


def _erase_from_dashboards(wanted: Wanted) -> int:
    """Take the value out; whoever is changing one of them at this moment has to begin again."""
    found = list(_dashboards(wanted))
    for pk, after in found:
        short = after["title"][: Dashboard._meta.get_field("title").max_length]
        Dashboard.objects.filter(pk=pk).update(title=short, document=after["document"], edition=F("edition") + 1)
    return len(found)


DASHBOARDS = Holding(
    name="dashboards", count=lambda wanted: sum(1 for _ in _dashboards(wanted)), erase=_erase_from_dashboards
)

register(SEARCHES, DASHBOARDS)
