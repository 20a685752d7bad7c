"""The published LuminaLog API: `POST /v1/logs`, a JSON object with up to 1,000 entries."""

from foundation.openapi import NULLABLE_TEXT, described, list_of, shape
from ingest.canonical import MAX_ENTRIES
from ingest.description import ENTRY, sending
from ingest.protocol import Incoming, Protocol, Wishes
from ingest.protocols.luminalog.wire import legacy_api_key, parse_at_once, parse_batch

DESCRIPTION = """\
A 200 means that the batch is on disk. With any entry invalid nothing is stored or charged, unless the caller asks for
`Prefer: handling=lenient`: then the valid entries are kept and the others are listed. Fields that are not named here
are ignored; `null` means absent. `Content-Encoding` may be `gzip` or `zstd`. The body's `api_key` is deprecated.
"""
BATCH = shape(
    logs=list_of(ENTRY, minItems=1, maxItems=MAX_ENTRIES),
    optional={"api_key": described(NULLABLE_TEXT, "Use the header x-api-key.", deprecated=True)},
)


class LuminaLog(Protocol):
    """All or nothing unless leniency is wished for; older clients send their key in the body."""

    name = "luminalog"
    describe = staticmethod(
        sending(
            "ingest_logs",
            "Send a batch of log entries",
            description=DESCRIPTION,
            request={"application/json": BATCH},
            prefers=True,
        )
    )

    def read(self, body: bytes, wishes: Wishes) -> Incoming:
        return parse_batch(body, lenient=wishes.lenient, minimum_level=wishes.minimum_level)

    def read_at_once(self, body: bytes, wishes: Wishes, *, at_most: int) -> Incoming | None:
        return parse_at_once(body, minimum_level=wishes.minimum_level, at_most=at_most)

    def key_in_body(self, body: bytes) -> str | None:
        return legacy_api_key(body)


LUMINALOG = LuminaLog()
