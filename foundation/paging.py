"""Pages of a table that may be big: counted only as far as anybody pages."""

from functools import cached_property

from django.core.paginator import Paginator
from django.db.models import QuerySet

COUNTED_ROWS = 10_000


class BoundedPaginator(Paginator):  # type: ignore[type-arg]
    """Count at most 10,000 rows; whoever wants older ones searches or filters."""

    @cached_property
    def count(self) -> int:
        if isinstance(self.object_list, QuerySet):
            return self.object_list.order_by()[:COUNTED_ROWS].count()
        return super().count
