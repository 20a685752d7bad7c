"""Addresses of the public pages; the first is the root, which `luminalog.urls` shares."""

from django.urls import path

from accounts.visitors import limited
from luminalog.landing import views

public = limited(group="pages", per_minute=120)

landing = public(views.landing)

urlpatterns = [
    path("docs", public(views.documentation), name="docs"),
    path("docs/errors", public(views.error_catalogue), name="error-catalogue"),
    path("v1/openapi.json", public(views.openapi), name="openapi"),
]
