"""Under which name failed log-ins are counted."""

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest

#: The column's length; a longer name would be an error of the database, and an answer 500.
MAX_CHARACTERS = 255


def username_of(request: HttpRequest, credentials: Mapping[str, Any] | None) -> str | None:
    """Return the name as it was typed, as far as there is room for it."""
    name = (credentials or {}).get("username") or request.POST.get("username")
    return None if name is None else str(name)[:MAX_CHARACTERS]
