"""Addresses of this room, below /v1/."""

from django.urls import URLPattern, URLResolver, path

from quotas.views import UsageView

urlpatterns: list[URLPattern | URLResolver] = [
    path("usage", UsageView.as_view(), name="usage"),
]
