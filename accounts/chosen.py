"""Which organisation a member of staff looks at, on the pages that are about one."""

from django.http import HttpRequest

from accounts.models import Organisation

#: What the browser remembers as chosen: a short name. No secret, and looked up like any other text.
COOKIE = "organisation"


def chosen_organisation(request: HttpRequest) -> Organisation | None:
    """Return the one that the address names, or the browser remembers, or the first; None when there is none."""
    if not hasattr(request, "chosen_organisation"):
        request.chosen_organisation = _look_up(request)  # type: ignore[attr-defined]
    chosen: Organisation | None = request.chosen_organisation  # type: ignore[attr-defined]
    return chosen


def _look_up(request: HttpRequest) -> Organisation | None:
    named = (request.GET.get("organisation", ""), request.COOKIES.get(COOKIE, ""))
    asked = [name for name in named if name and "\0" not in name]
    found = {one.slug: one for one in Organisation.objects.filter(slug__in=asked)} if asked else {}
    return next((found[name] for name in asked if name in found), None) or Organisation.objects.order_by("name").first()
