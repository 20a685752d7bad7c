"""`POST /v1/ndjson`: entries of our own form, one a line or one array, up to 100,000; what is wrong keeps no other."""

from collections.abc import Sequence
from dataclasses import replace
from io import BytesIO
from itertools import islice

from msgspec import DecodeError, Raw

from foundation.openapi import TEXT, list_of
from foundation.refusals import FieldError, Refusal
from ingest.description import ENTRY, sending
from ingest.elements import elements_of, sift
from ingest.protocol import Incoming, Kept, Protocol, Reply, Wishes
from ingest.repair import replace_unstorable, require_utf8, without_bom

#: Blank lines cost time too.
MAX_LINES = 200_000
BROKEN = FieldError(pointer="", code="malformed_json", detail="is not JSON")


class Ndjson(Protocol):
    """Pointers of errors count the entries from 0: `/3/level`."""

    name = "ndjson"
    media_types = frozenset({"application/x-ndjson", "application/ndjson", "application/jsonl", "application/json"})
    max_entries = 100_000
    describe = staticmethod(
        sending(
            "ingest_ndjson",
            "Send log entries, one a line",
            description="One JSON object a line, or one array; each as in `POST /v1/logs`. The valid entries are kept.",
            request={"application/json": list_of(ENTRY, minItems=1), "application/x-ndjson": TEXT},
        )
    )

    def read(self, body: bytes, wishes: Wishes) -> Incoming:
        text = without_bom(body)
        require_utf8(text)
        elements = self._elements(replace_unstorable(text))
        if not 1 <= len(elements) <= self.max_entries:
            raise Refusal("body_too_large" if elements else "empty_batch", f"Send 1 to {self.max_entries:,} entries.")
        return sift(elements, replace(wishes, lenient=True), broken=BROKEN)

    def answer(self, kept: Kept) -> Reply:
        return super().answer(replace(kept, wishes=replace(kept.wishes, lenient=True)))

    def _elements(self, text: bytes) -> Sequence[Raw | bytes]:
        if not text.lstrip().startswith(b"["):
            lines = map(bytes.strip, islice(BytesIO(text), MAX_LINES))
            return [line for line in lines if line]
        try:
            return elements_of(text, at_most=self.max_entries)
        except (DecodeError, RecursionError) as error:
            raise Refusal("malformed_json") from error


NDJSON = Ndjson()
