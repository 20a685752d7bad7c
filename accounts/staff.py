"""Members of staff, as requests to the console know them."""

from typing import cast

from django.http import HttpRequest

from accounts.models import User


def member(request: HttpRequest) -> User:
    """Return the member of staff behind a request to the admin."""
    return cast(User, request.user)
