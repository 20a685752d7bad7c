"""Addresses of this room, below /v1/: for edges only."""

from django.urls import path

from edges import views

urlpatterns = [
    path("edge/batches", views.batches, name="edge-batches"),
    path("edge/grants", views.grants, name="edge-grants"),
    path("edge/shares", views.shares, name="edge-shares"),
    path("edge/outcomes", views.outcomes, name="edge-outcomes"),
    path("edge/directory", views.mirror, name="edge-directory"),
]
