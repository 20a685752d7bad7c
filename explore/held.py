"""What this room holds of values that clients sent: in searches that staff saved, and in dashboards.

A search that asks for a value goes; of a dashboard, what says or asks for it: the rest was somebody's work.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.db.models import F, QuerySet

from accounts.held import changed, cut
from explore.models import Dashboard, SavedSearch
from foundation import sweeping
from foundation.holdings import ERASED, Belongings, Holding, Wanted, register


def _found(wanted: Wanted) -> Iterator[int]:
    rows = SavedSearch.objects.filter(organisation_id=wanted.organisation_id)
    return (pk for pk, _ in changed(rows, ("name", "query", "view"), wanted))


def _erase(wanted: Wanted) -> int:
    """Delete searches, and take the value out of what the admin remembers of their names."""
    ids = list(_found(wanted))
    cut(LogEntry, changed(_remembered(ids), ("object_repr", "change_message"), wanted))
    SavedSearch.objects.filter(pk__in=ids).delete()
    return len(ids)


def _remembered(ids: Iterable[int]) -> QuerySet[LogEntry]:
    """Return what the admin remembers of searches."""
    model = ContentType.objects.get_for_model(SavedSearch)
    return LogEntry.objects.filter(content_type=model, object_id__in=list(map(str, ids)))


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


@transaction.atomic
def _forget(organisation_id: int) -> int:
    """Delete all searches and dashboards of an organisation, and what the admin remembers of their names."""
    searches = SavedSearch.objects.filter(organisation_id=organisation_id)
    _remembered(searches.values_list("pk", flat=True)).update(object_repr=ERASED, change_message="")
    return sweeping.forget(organisation_id, ("explore_savedsearch", "explore_dashboard"))


MADE_BY_STAFF = Belongings(name="saved searches and dashboards", forget=_forget)

register(SEARCHES, DASHBOARDS, MADE_BY_STAFF)
