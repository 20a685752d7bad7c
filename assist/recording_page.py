"""The console's page of one recording: its entries in the order of time, the one that it was made for marked."""

from dataclasses import dataclass

from django.contrib.admin import AdminSite
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from msgspec import json

from accounts.chosen import chosen_organisation
from accounts.looks import Look
from accounts.models import AccessRecord
from assist import recordings
from explore.shape import parsed
from issues import shown
from issues.list_page import record
from storage.found import FoundEntry

MOST_NUMBER, MOST_ID = 10**9, 10**18
#: Of a message in a line, and of a document that is opened.
MESSAGE_CHARACTERS, DOCUMENT_CHARACTERS = 600, 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """An entry as the page shows it: one line, and what is behind it."""

    entry: FoundEntry
    type: str
    message: str
    details: list[tuple[str, str]]
    is_the_one: bool


def recording(request: HttpRequest, site: AdminSite, number: int, recording_id: int) -> HttpResponse:
    """Show a recording of a group of the chosen organisation, and record the look before."""
    organisation = chosen_organisation(request)
    if organisation is None or number >= MOST_NUMBER or recording_id >= MOST_ID:
        raise Http404
    subject = f"#{number}, recording {recording_id}"
    record(request, organisation, Look(action=AccessRecord.Action.RECORDING, subject=subject))
    found = recordings.get(organisation.pk, number, recording_id)
    if found is None:
        raise Http404
    summary, entries = found
    days = recordings.days_kept(organisation.pk)
    context = {
        **site.each_context(request),
        "title": f"Recording of #{number}",
        "organisation": organisation,
        "number": number,
        "group_url": shown.address(organisation, number),
        "recording": summary,
        "kept_until": summary.at + days if days else None,
        "lines": [_line(entry, is_the_one=entry.id == summary.entry_id) for entry in entries],
    }
    response = TemplateResponse(request, "admin/assist/recording.html", context)
    response.headers["Cache-Control"] = "private, no-store"
    return response


def _line(entry: FoundEntry, *, is_the_one: bool) -> Line:
    error = parsed(entry.error)
    ids = {name: getattr(entry, name) for name in ("trace_id", "span_id", "parent_span_id") if getattr(entry, name)}
    documents = {"error": entry.error, "metadata": entry.metadata}
    told = {name: json.format(bytes(raw), indent=2).decode() for name, raw in documents.items() if raw is not None}
    whole = {"message": entry.message} if len(entry.message) > MESSAGE_CHARACTERS else {}
    return Line(
        entry=entry,
        type=str(error.get("type") or "") if isinstance(error, dict) else "",
        message=_cut(entry.message, MESSAGE_CHARACTERS),
        details=[(name, _cut(text, DOCUMENT_CHARACTERS)) for name, text in (whole | ids | told).items()],
        is_the_one=is_the_one,
    )


def _cut(text: str, characters: int) -> str:
    return text if len(text) <= characters else f"{text[:characters]}…"
