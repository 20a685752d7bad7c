"""Addresses of this room, below /v1/. `POST /v1/logs` shares its address with reading: see `luminalog.urls`."""

from django.urls import path

from ingest import views

urlpatterns = [
    path("logs", views.IngestView.as_view()),
]
