"""The published LuminaLog API: `POST /v1/logs`, a JSON object with up to 1,000 entries."""

from ingest.protocol import Incoming, Protocol, Wishes
from ingest.protocols.luminalog.description import describe_ingestion
from ingest.protocols.luminalog.wire import legacy_api_key, parse_batch


class LuminaLog(Protocol):
    """All or nothing unless leniency is wished for; older clients send their key in the body."""

    name = "luminalog"
    describe = staticmethod(describe_ingestion)

    def read(self, body: bytes, wishes: Wishes) -> Incoming:
        return parse_batch(body, lenient=wishes.lenient, minimum_level=wishes.minimum_level)

    def key_in_body(self, body: bytes) -> str | None:
        return legacy_api_key(body)


LUMINALOG = LuminaLog()
