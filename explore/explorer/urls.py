"""Addresses of the explorer's endpoints, below its page."""

from django.urls import path, re_path

from explore.explorer import looks, saved, tickets

ENTRY = r"^entries/(?P<entry_id>[0-9]{1,19})"

urlpatterns = [
    path("search", looks.SearchLook.as_view()),
    path("histogram", looks.HistogramLook.as_view()),
    path("fields", looks.FieldsLook.as_view()),
    path("export", looks.ExportLook.as_view()),
    re_path(ENTRY + "$", looks.EntryLook.as_view()),
    re_path(ENTRY + "/context$", looks.ContextLook.as_view()),
    path("traces/<path:trace_id>", looks.TraceLook.as_view()),
    path("tail", tickets.TailTicketView.as_view()),
    path("saved", saved.SavedSearchesView.as_view()),
    path("saved/<int:search_id>", saved.SavedSearchView.as_view()),
]
