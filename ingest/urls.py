"""Addresses of this room, below /v1/."""

from django.urls import URLPattern, re_path

from ingest.views import IngestView

urlpatterns: list[URLPattern] = [
    re_path(r"^logs/?$", IngestView.as_view(), name="logs"),
]
