"""Exports: everything that a search finds, streamed page by page, each page in a transaction of its own."""

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from django.http import StreamingHttpResponse
from msgspec import Raw

from explore.answers import Hold
from explore.cells import disarmed
from explore.search import FoundEntry, Page, Search, find
from explore.shape import as_json, members
from foundation.refusals import Refusal
from foundation.shares import Shares

PAGE_ENTRIES = 1_000
PAGE_BYTES = 2**20
EXPORTS_PER_PROCESS, EXPORTS_PER_ORGANISATION = 4, 2
COLUMNS = (
    "id", "timestamp", "received_at", "level", "message", "environment", "project", "trace_id", "span_id",
    "parent_span_id", "privacy_mode", "metadata", "error", "size_bytes", "group", "edge",
)  # fmt: skip

#: An organisation has fewer than a process. A slow reader keeps a place, and no thread.
places = Shares(EXPORTS_PER_PROCESS, for_each=EXPORTS_PER_ORGANISATION)


def as_ndjson(entries: Iterable[FoundEntry]) -> bytes:
    """Return one line of JSON an entry, as the API shows it."""
    return b"".join(as_json(entry) + b"\n" for entry in entries)


def as_csv(entries: Iterable[FoundEntry]) -> bytes:
    """Return one row an entry (RFC 4180); no cell can be a formula."""
    text = io.StringIO()
    writer = csv.writer(text)
    for entry in entries:
        shown = members(entry, metadata=_text(entry.metadata), error=_text(entry.error))
        writer.writerow([_cell(shown[name]) for name in COLUMNS])
    return text.getvalue().encode()


def _text(document: Raw | None) -> str | None:
    return None if document is None else bytes(document).decode()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return disarmed(value if isinstance(value, str) else json.dumps(value))


@dataclass(frozen=True)
class Format:
    """A file format: what comes first, how a page is written, what the browser is told."""

    head: bytes
    write: Callable[[Iterable[FoundEntry]], bytes]
    content_type: str
    suffix: str


FORMATS = {
    "ndjson": Format(b"", as_ndjson, "application/x-ndjson", "ndjson"),
    "csv": Format(",".join(COLUMNS).encode() + b"\r\n", as_csv, "text/csv; charset=utf-8", "csv"),
}


class Export:
    """The pages of one export as chunks of its file. The first page is read at once, so that errors have an answer."""

    def __init__(self, search: Search, *, format_name: str = "ndjson", newest_first: bool = True) -> None:
        self.search = search
        self.format = FORMATS[format_name]
        self.newest_first = newest_first
        if not places.take(1, owner=search.organisation_id):
            raise Refusal("too_many_queries", "Too many exports are running.", retry_after_seconds=10)
        self._has_place = True
        self._hold: Hold | None = None
        try:
            self._hold = Hold(search.organisation_id, most_bytes=PAGE_BYTES)
            self._page: Page | None = self._read(None)
        except BaseException:
            self.close()
            raise
        self._chunks = self._write()

    def response(self) -> StreamingHttpResponse:
        """Return the answer that streams the file; the server closes it in whatever way it ends."""
        response = StreamingHttpResponse(self, content_type=self.format.content_type)
        response.headers["Content-Disposition"] = f'attachment; filename="logs.{self.format.suffix}"'
        return response

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        return next(self._chunks)

    def close(self) -> None:
        """Give place and memory back, once; also when nothing was ever read."""
        self._page = None
        if self._hold:
            self._hold.close()
        if self._has_place:
            self._has_place = False
            places.give_back(1, owner=self.search.organisation_id)

    def _read(self, cursor: str | None) -> Page:
        return find(
            self.search, limit=PAGE_ENTRIES, most_bytes=PAGE_BYTES, cursor=cursor, newest_first=self.newest_first
        )

    def _write(self) -> Iterator[bytes]:
        try:
            head = self.format.head
            while page := self._page:
                self._page, cursor = None, page.next_cursor
                chunk = head + self.format.write(page.entries)
                del page  # its entries are not needed while the chunk waits for its reader
                yield chunk
                del chunk
                self._page = self._read(cursor) if cursor else None
                head = b""
        finally:
            self.close()
