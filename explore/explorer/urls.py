"""Addresses of the explorer's endpoints, below its page."""

from django.urls import path, re_path

from explore.explorer import looks, saved, tickets
from foundation import any_text  # noqa: F401 - a kind of part that an address may have

ENTRY = r"^entries/(?P<entry_id>[0-9]{1,19})"

urlpatterns = [
    path("search", looks.SearchLook.as_view()),
    path("histogram", looks.HistogramLook.as_view()),
    path("fields", looks.FieldsLook.as_view()),
    path("values", looks.ValuesLook.as_view()),
    path("aggregate", looks.AggregateLook.as_view()),
    path("patterns", looks.PatternsLook.as_view()),
    path("releases", looks.ReleasesLook.as_view()),
    path("export", looks.ExportLook.as_view()),
    re_path(ENTRY + r"\Z", looks.EntryLook.as_view()),
    re_path(ENTRY + r"/context\Z", looks.ContextLook.as_view()),
    path("traces/<any_text:trace_id>", looks.TraceLook.as_view()),
    path("tail", tickets.TailTicketView.as_view()),
    path("saved", saved.SavedSearchesView.as_view()),
    path("saved/<int:search_id>", saved.SavedSearchView.as_view()),
]
