"""The pages of operations in the console."""

from foundation import places
from foundation.places import Page
from operations.erasures import pages
from operations.pages import health, sizes

__all__ = ["pages"]  # Django looks for pages here

places.lists("operations", of="operations.erasure", title="Erasures", order=7)
places.register(
    "operations",
    Page(
        title="Health",
        address="operations_health",
        path="operations/",
        view=health,
        permissions=("ingest.view_spooledbatch",),
    ),
    Page(
        title="Partitions and sizes",
        address="operations_sizes",
        path="operations/sizes/",
        view=sizes,
        permissions=("storage.view_droppedpartition",),
        order=3,
    ),
)
