"""The API of recordings: what was around error groups, for API keys that may read."""

from datetime import timedelta
from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from assist import recording_cursors, recording_schema, recordings
from assist.recordings import Summary
from explore.answers import Answer
from explore.grouped import with_groups
from explore.shape import as_list
from explore.views import ReadView
from foundation.refusals import Refusal
from issues.shape import as_text

MOST = 100


class RecordingsView(ReadView):
    parameters = ("limit", "cursor")

    @recording_schema.RECORDINGS
    def get(self, request: Request, number: str) -> Response:
        """Return a page of a group's recordings."""
        organisation_id, parameters = self.asked(request)
        cursor = parameters.text("cursor")
        before = recording_cursors.read(cursor, organisation_id=organisation_id) if cursor else recordings.NEWEST_ID
        limit = parameters.number("limit", default=50, lowest=1, highest=MOST)
        page = recordings.of_group(organisation_id, int(number), limit=limit, before=before)
        if page is None:
            raise Refusal("not_found")
        days = recordings.days_kept(organisation_id)
        last = page.recordings[-1].id if page.goes_on else None
        return Response(
            {
                "recordings": [members(one, days) for one in page.recordings],
                "next_cursor": recording_cursors.sign(last, organisation_id=organisation_id) if last else None,
            }
        )


class RecordingView(ReadView):
    @recording_schema.RECORDING
    def get(self, request: Request, number: str, recording_id: str) -> Answer:
        """Return one recording."""
        organisation_id, _ = self.asked(request)
        hold = self.hold(organisation_id)
        found = recordings.get(organisation_id, int(number), int(recording_id))
        if found is None:
            raise Refusal("not_found")
        summary, entries = found
        logs = as_list(with_groups(organisation_id, entries))
        return Answer(members(summary, recordings.days_kept(organisation_id)) | {"logs": logs}, hold=hold)


def members(one: Summary, days: timedelta | None) -> dict[str, Any]:
    """Return a recording in the API's shape; `days` is for how long recordings are kept."""
    return {
        "id": str(one.id),
        "what": one.what,
        "release": one.release or None,
        "at": as_text(one.at),
        "entry": str(one.entry_id),
        "from": as_text(one.starts_at),
        "to": as_text(one.ends_at),
        "entries": one.entries,
        "left_out": one.left_out,
        "size_bytes": one.size_bytes,
        "kept_until": as_text(one.at + days) if days else None,
    }
