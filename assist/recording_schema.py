"""How OpenAPI describes recordings."""

from typing import Any

from drf_spectacular.utils import OpenApiParameter

from explore.schema import ENTRY, EXAMPLE_ENTRY
from foundation.openapi import COUNT, NULLABLE_TEXT, TEXT, TIME, described, json_answer, list_of, nullable, shape
from issues.schema import REFUSALS, UNKNOWN, operation

SUMMARY = {
    "id": TEXT,
    "what": {"type": "string", "enum": ["new", "regressed"]},
    "release": described(NULLABLE_TEXT, "Of the entry. A release of a group is recorded once."),
    "at": described(TIME, "When the group was new, or came back."),
    "entry": described(TEXT, "The id of the entry that it was made for."),
    "from": described(TIME, "Of its first entry."),
    "to": described(TIME, "Of its last entry."),
    "entries": COUNT,
    "left_out": described(COUNT, "Entries for which there was no room: 256 KiB, compressed."),
    "size_bytes": described(COUNT, "Compressed. Nobody is charged for it."),
    "kept_until": described(nullable(TIME), "By the plan of today; earlier when newer ones need the room."),
}
EXAMPLE: dict[str, Any] = {
    "id": "5",
    "what": "new",
    "release": "1.4.2",
    "at": "2026-01-26T14:30:05.412733Z",
    "entry": "4815162342",
    "from": "2026-01-26T14:29:11.000000Z",
    "to": "2026-01-26T14:30:31.000000Z",
    "entries": 1,
    "left_out": 0,
    "size_bytes": 311,
    "kept_until": "2026-04-02T14:30:05.412733Z",
}

RECORDINGS = operation(
    "list_recordings",
    "What was around a group when it was new, or came back",
    parameters=[
        OpenApiParameter("limit", int, description="1 to 100; default 50."),
        OpenApiParameter("cursor", str, description="`next_cursor` of the page before."),
    ],
    answers=json_answer(
        shape(recordings=list_of(shape(**SUMMARY)), next_cursor=NULLABLE_TEXT),
        "The newest first.",
        example={"recordings": [EXAMPLE], "next_cursor": None},
    ),
    refusals=REFUSALS | {404: UNKNOWN},
)
RECORDING = operation(
    "read_recording",
    "One recording, with its entries",
    answers=json_answer(
        shape(**SUMMARY, logs=described(list_of(ENTRY), "In the order of time, whether they are still stored or not.")),
        example=EXAMPLE | {"logs": [EXAMPLE_ENTRY]},
    ),
    refusals=REFUSALS | {404: "`not_found`: your organisation has no such group, or that no such recording."},
)
