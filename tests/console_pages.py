"""Pages of the console, for tests that look at each of them."""

from typing import Any

from django.contrib import admin
from django.db.models import Model


def registered() -> "dict[type[Model], admin.ModelAdmin[Any]]":
    """Return each model that has a page, and the page; found now, as whoever asks for addresses finds them."""
    admin.autodiscover()
    return dict(admin.site._registry)
