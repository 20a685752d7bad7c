"""What the shell around every page shows: the places one may see, the tabs of this one, and the organisation chosen."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.http import HttpRequest
from django.urls import reverse

from accounts.chosen import chosen_organisation
from accounts.models import Organisation
from foundation import places
from foundation.places import Page, Place

#: A longer list is no list: beyond it, the palette finds.
ORGANISATIONS = 500


@dataclass(frozen=True, kw_only=True)
class Link:
    """A place or a tab."""

    name: str
    title: str
    url: str
    key: str = ""
    is_here: bool = False


@dataclass(frozen=True, kw_only=True)
class Switcher:
    """The organisation of this page; none on pages that are about all."""

    organisations: dict[str, str]
    chosen: str


@dataclass(frozen=True, kw_only=True)
class Navigation:
    """The shell of one page for one reader."""

    places: list[Link]
    tabs: list[Link]
    switcher: Switcher | None

    @property
    def title(self) -> str:
        """What this page's tab is called."""
        return next((tab.title for tab in self.tabs if tab.is_here), "")


def navigation(request: HttpRequest) -> Navigation:
    """Return what the shell shows on the page that is asked for."""
    open_pages = {place: _open(place, request) for place in places.PLACES}
    here, tab = _where(request.path, open_pages)
    return Navigation(
        places=[
            Link(name=place.name, title=place.title, url=_url(pages[0]), key=place.key, is_here=place is here)
            for place, pages in open_pages.items()
            if pages
        ],
        tabs=[
            Link(name=page.address, title=page.title, url=_url(page), is_here=page is tab)
            for page in (open_pages[here] if here else [])
        ],
        switcher=_switcher(request) if tab and here and tab.view and here.is_of_one_organisation else None,
    )


def first_page(place: Place, request: HttpRequest) -> str | None:
    """Return the address of the first page of a place that one may see."""
    return next(iter([_url(page) for page in _open(place, request)]), None)


def _open(place: Place, request: HttpRequest) -> list[Page]:
    return [page for page in places.pages(place) if page.is_open_to(request.user)]


def _url(page: Page) -> str:
    return reverse(f"admin:{page.address}")


def _where(path: str, open_pages: dict[Place, list[Page]]) -> tuple[Place | None, Page | None]:
    """Return the place and the page whose address is the longest beginning of `path`."""
    found: Iterator[tuple[Place, Page]] = (
        (place, page) for place, pages in open_pages.items() for page in pages if path.startswith(_url(page))
    )
    return max(found, key=lambda one: len(_url(one[1])), default=(None, None))


def _switcher(request: HttpRequest) -> Switcher | None:
    chosen = chosen_organisation(request)
    if chosen is None:
        return None
    organisations = dict(Organisation.objects.order_by("name").values_list("slug", "name")[:ORGANISATIONS])
    return Switcher(organisations={chosen.slug: chosen.name} | organisations, chosen=chosen.slug)
