"""The page of archives in the console."""

from archive.pages import archive
from foundation import places
from foundation.places import Page

places.register(
    "operations",
    Page(
        title="Archive",
        address="operations_archive",
        path="operations/archive/",
        view=archive,
        permissions=("storage.view_retention",),  # which waits for it
        order=5,
    ),
)
