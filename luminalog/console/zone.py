"""Times as the reader lives: every page of the console is written in one zone, and says which."""

from collections.abc import Callable
from functools import wraps
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from django.http import HttpRequest, HttpResponseBase
from django.utils import timezone

from foundation.once import once

View = Callable[..., HttpResponseBase]

#: The browser's own zone, as `shell.js` names it.
COOKIE = "zone"


def in_zone(view: View) -> View:
    """Return `view`, with the times on its page in the reader's zone. The page has to be written when it returns."""

    @wraps(view)
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        with timezone.override(ZoneInfo(zone_of(request))):
            return view(request, *args, **kwargs)

    return answer


def zone_of(request: HttpRequest) -> str:
    """Return the zone that the reader has chosen, or else the browser's; UTC where neither says any."""
    asked = (getattr(request.user, "time_zone", ""), request.COOKIES.get(COOKIE, "").replace("%2F", "/"))
    return next((name for name in asked if name in zones()), "UTC")


@once
def zones() -> frozenset[str]:
    """Return the names of all zones, but for those of which people do not think."""
    return frozenset(name for name in available_timezones() if "/" in name and not name.startswith("Etc/")) | {"UTC"}
