"""What this room holds of values that clients sent: searches that staff saved. One that asks for a value goes."""

from collections.abc import Iterator

from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType

from accounts.held import changed, cut
from explore.models import SavedSearch
from foundation.holdings import Holding, Wanted


def _found(wanted: Wanted) -> Iterator[int]:
    rows = SavedSearch.objects.filter(organisation_id=wanted.organisation_id)
    return (pk for pk, _ in changed(rows, ("name", "query"), wanted))


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
