"""What the palette finds: places, pages and things by a part of their name, as far as one may see them."""

from collections.abc import Iterator
from urllib.parse import urlencode

from django.contrib.admin import AdminSite
from django.http import HttpRequest, JsonResponse
from django.urls import reverse

from explore.permissions import may_view_logs
from foundation import places
from foundation.places import Found

TEXT, EACH, IN_ALL = 100, 5, 40


def palette(request: HttpRequest, site: AdminSite) -> JsonResponse:
    """Answer what is called like the parameter `q`; without one, the places."""
    text = request.GET.get("q", "").replace("\0", "").strip()[:TEXT]
    found = [*_pages(request, site, text)]
    if text:
        found += [*places.find(request.user, text, limit=EACH), *_search(request, text)]
    rows = [{"title": one.title, "what": one.what, "url": one.url} for one in found[:IN_ALL]]
    return JsonResponse({"found": rows}, headers={"Cache-Control": "private, no-store"})


def _pages(request: HttpRequest, site: AdminSite, text: str) -> Iterator[Found]:
    known = set()
    for one in (*_own(request), *(_listed(request, site) if text else ())):
        if text.lower() in one.title.lower() and one.url not in known:
            known.add(one.url)
            yield one


def _own(request: HttpRequest) -> Iterator[Found]:
    yield Found(title="Today", what="place", url=reverse("admin:index"))
    for place in places.PLACES:
        for page in places.pages(place):
            if page.is_open_to(request.user):
                yield Found(title=page.title, what=place.title, url=reverse(f"admin:{page.address}"))
    yield Found(title="Preferences: time zone, keys", what="yours", url=reverse("admin:preferences"))
    yield Found(title="API documentation", what="docs", url=reverse("docs"))


def _listed(request: HttpRequest, site: AdminSite) -> Iterator[Found]:
    for group in site.get_app_list(request):
        for page in group["models"]:
            if page.get("admin_url"):
                yield Found(title=str(page["name"]), what=str(group["name"]), url=page["admin_url"])
            if page.get("add_url"):
                yield Found(title=f"New {page['model']._meta.verbose_name}", what="add", url=page["add_url"])


def _search(request: HttpRequest, text: str) -> Iterator[Found]:
    if may_view_logs(request.user):
        address = f"{reverse('admin:explorer')}?{urlencode({'query': text})}"
        yield Found(title=f"Search logs for: {text}", what="Explorer", url=address)
        errors = f"{reverse('admin:errors')}?{urlencode({'state': 'all', 'query': text})}"
        yield Found(title=f"Search errors for: {text}", what="Errors", url=errors)
