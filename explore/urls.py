"""Addresses of this room, below /v1/. `GET /v1/logs` shares its address with sending: see `luminalog.urls`."""

from django.urls import path, re_path

from explore import figures_views, views
from explore.tail.elsewhere import TailElsewhereView
from foundation import any_text  # noqa: F401 - a kind of part that an address may have

ENTRY = r"^logs/(?P<entry_id>[0-9]{1,19})"

urlpatterns = [
    path("logs", views.LogsView.as_view()),
    path("logs/histogram", views.HistogramView.as_view(), name="logs-histogram"),
    path("logs/fields", views.FieldsView.as_view(), name="logs-fields"),
    path("logs/values", figures_views.ValuesView.as_view(), name="logs-values"),
    path("logs/aggregate", figures_views.AggregateView.as_view(), name="logs-aggregate"),
    path("logs/patterns", figures_views.PatternsView.as_view(), name="logs-patterns"),
    path("logs/export", views.ExportView.as_view(), name="logs-export"),
    path("logs/tail", TailElsewhereView.as_view(), name="logs-tail"),
    re_path(ENTRY + r"\Z", views.LogView.as_view(), name="log"),
    re_path(ENTRY + r"/context\Z", views.ContextView.as_view(), name="log-context"),
    path("traces/<any_text:trace_id>", views.TraceView.as_view(), name="trace"),
]
