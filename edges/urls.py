"""Addresses of this room, below /v1/: for edges only."""

from django.urls import path

from edges import views

urlpatterns = [
    path("edge/batches", views.batches, name="edge-batches"),
    path("edge/grants", views.grants, name="edge-grants"),
    path("edge/directory", views.mirror, name="edge-directory"),
]
