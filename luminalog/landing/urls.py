"""Addresses of the public pages."""

from django.urls import path

from luminalog.landing import views

urlpatterns = [
    path("", views.landing, name="landing"),
    path("docs", views.ApiDocumentation.as_view(), name="docs"),
    path("docs/errors", views.error_catalogue, name="error-catalogue"),
    path("v1/openapi.json", views.openapi, name="openapi"),
]
