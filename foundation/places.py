"""The console's places, from the left to the right, and the pages that rooms register in them from their `admin.py`.

Knows no room and no page: the console draws a place once somebody has registered a page in it that its reader may see.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.http import HttpResponseBase

User = AbstractBaseUser | AnonymousUser
View = Callable[..., HttpResponseBase]  # of the request, and `site`


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """One of the bar's words. `key` goes there after `g`; the switcher chooses the organisation of some."""

    name: str
    title: str
    key: str
    is_of_one_organisation: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class Below:
    """A page below a tab's, as of one thing that it lists; open to the same people. `path` goes on where its ends."""

    address: str
    path: str
    view: View


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """A page of a place: a tab below the bar. `address` is its name among the admin's addresses.

    One of `permissions` opens it. What no ModelAdmin answers brings its own `path` below `/admin/`, and its view.
    """

    title: str
    address: str
    permissions: tuple[str, ...]
    order: int = 0
    path: str = ""
    view: View | None = None
    below: tuple[Below, ...] = ()

    def is_open_to(self, user: Any) -> bool:
        """Tell whether `user` may see it."""
        return any(user.has_perm(permission) for permission in self.permissions)


PLACES = (
    Place(name="explorer", title="Explorer", key="e"),
    Place(name="errors", title="Errors", key="r"),
    Place(name="dashboards", title="Dashboards", key="d"),
    Place(name="alerts", title="Alerts", key="a"),
    Place(name="usage", title="Usage", key="u"),
    Place(name="customers", title="Customers", key="c", is_of_one_organisation=False),
    Place(name="operations", title="Operations", key="o", is_of_one_organisation=False),
)

_pages: dict[str, dict[str, Page]] = {place.name: {} for place in PLACES}


def register(place: str, *pages: Page) -> None:
    """Put pages into a place; one of the same address is replaced."""
    _pages[place] |= {page.address: page for page in pages}


def add_below(place: str, address: str, *below: Below) -> None:
    """Put pages of a room above below a page; one of the same address is replaced."""
    page = _pages[place][address]
    kept = [one for one in page.below if one.address not in {new.address for new in below}]
    _pages[place][address] = replace(page, below=(*kept, *below))


def lists(place: str, *, of: str, title: str, order: int) -> None:
    """Put a model's list into a place; `of` is its label, as in `accounts.apikey`."""
    app, model = of.split(".")
    permissions = tuple(f"{app}.{verb}_{model}" for verb in ("view", "change"))
    register(place, Page(title=title, address=f"{app}_{model}_changelist", permissions=permissions, order=order))


def pages(place: Place) -> list[Page]:
    """Return what is registered in a place, in order."""
    return sorted(_pages[place.name].values(), key=lambda page: page.order)


def own_pages() -> Iterator[Page]:
    """Yield the pages with a view of their own."""
    for place in PLACES:
        yield from (page for page in pages(place) if page.view)


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """One thing of a name: `what` it is, and where."""

    title: str
    what: str
    url: str


#: Finds up to so many things that a user may see, by a part of their name.
Source = Callable[[Any, str, int], Iterable[Found]]
_sources: dict[str, Source] = {}


def offer(name: str, source: Source) -> None:
    """Let the palette find what `source` finds; one of the same name is replaced."""
    _sources[name] = source


def find(user: Any, text: str, *, limit: int) -> Iterator[Found]:
    """Yield what each source finds, up to `limit` each."""
    for source in _sources.values():
        yield from source(user, text, limit)
