"""The console's page of archives: what is written, where and when, what waits and why, and what is loaded."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import islice

from django.conf import settings
from django.contrib.admin import AdminSite
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from accounts.models import Organisation
from archive import manifest
from archive.forms import Choice
from storage import archived, archives, loaded
from storage.archives import Archive

#: Of each list; the command knows all.
MOST_ROWS = 200


@dataclass(frozen=True, slots=True)
class Row:
    """A day of an organisation, by its name, and the folder or prefix in which its archive lies."""

    organisation: str
    of: Archive | loaded.Standing
    folder: str


def archive(request: HttpRequest, site: AdminSite) -> HttpResponse:
    """Show what is archived, what waits to be, and what was read back."""
    choice = Choice(request.GET)
    asked = choice.cleaned_data if choice.is_valid() else {}
    whose, day = asked.get("organisation"), asked.get("day")
    waiting = list(islice(archives.known(organisation_id=whose, day=day, waiting=True), MOST_ROWS + 1))
    written = list(islice(archives.known(organisation_id=whose, day=day, waiting=False), MOST_ROWS + 1))
    held = _loaded(whose, day)
    context = {
        "title": "Archive",
        "is_on": archived.is_on(),
        "where": settings.ARCHIVE_URL,
        "choice": choice,
        "is_chosen": bool(whose or day),
        "standing": archived.standing(),
        "in_all": archives.in_all(),
        "waiting": _rows(waiting[:MOST_ROWS]),
        "written": _rows(written[:MOST_ROWS]),
        "loaded": _rows(held[:MOST_ROWS]),
        "are_more": max(len(waiting), len(written), len(held)) > MOST_ROWS,
        "most_rows": MOST_ROWS,
    }
    return TemplateResponse(request, "admin/archive/archives.html", {**site.each_context(request), **context})


def _loaded(whose: int | None, day: date | None) -> list[loaded.Standing]:
    return [one for one in loaded.standing() if whose in (None, one.organisation_id) and day in (None, one.day)]


def _rows(found: Sequence[Archive | loaded.Standing]) -> list[Row]:
    names = Organisation.objects.in_bulk({one.organisation_id for one in found})
    return [
        Row(
            names[one.organisation_id].name if one.organisation_id in names else f"organisation {one.organisation_id}",
            one,
            manifest.folder(one.organisation_id, one.day),
        )
        for one in found
    ]
