"""Exports: everything that a search finds, streamed page by page, each page in a transaction of its own."""

import csv
import io
import json
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from django.http import StreamingHttpResponse

from explore.cells import disarmed
from explore.search import FoundEntry, Search, as_json, find
from foundation.refusals import Refusal

PAGE_ENTRIES = 1_000
EXPORTS_PER_PROCESS = 2
COLUMNS = (
    "id", "timestamp", "received_at", "level", "message", "environment", "project", "trace_id", "span_id",
    "parent_span_id", "privacy_mode", "metadata", "error", "size_bytes",
)  # fmt: skip

#: A slow reader keeps a thread; the others are there to take logs in.
_places = threading.BoundedSemaphore(EXPORTS_PER_PROCESS)


def as_ndjson(entries: Iterable[FoundEntry]) -> str:
    """Return one line of JSON an entry, as the API shows it."""
    return "".join(json.dumps(as_json(entry), ensure_ascii=False) + "\n" for entry in entries)


def as_csv(entries: Iterable[FoundEntry]) -> str:
    """Return one row an entry (RFC 4180); no cell can be a formula."""
    text = io.StringIO()
    writer = csv.writer(text)
    for entry in entries:
        shape = as_json(entry)
        writer.writerow([_cell(shape[name]) for name in COLUMNS])
    return text.getvalue()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return disarmed(text)


@dataclass(frozen=True)
class Format:
    """A file format: what comes first, how a page is written, what the browser is told."""

    head: str
    write: Callable[[Iterable[FoundEntry]], str]
    content_type: str
    suffix: str


FORMATS = {
    "ndjson": Format("", as_ndjson, "application/x-ndjson", "ndjson"),
    "csv": Format(",".join(COLUMNS) + "\r\n", as_csv, "text/csv; charset=utf-8", "csv"),
}


class Export:
    """The pages of one export as chunks of its file. The first page is read at once, so that errors have an answer."""

    def __init__(self, search: Search, *, format_name: str = "ndjson", newest_first: bool = True) -> None:
        self.search = search
        self.format = FORMATS[format_name]
        self.newest_first = newest_first
        if not _places.acquire(blocking=False):
            raise Refusal("too_many_queries", "Too many exports are running.", retry_after_seconds=10)
        self._release: Callable[[], None] | None = _places.release
        try:
            self._page = self._read(None)
        except BaseException:
            self.close()
            raise
        self._chunks = self._write()

    def response(self) -> StreamingHttpResponse:
        """Return the answer that streams the file; the server closes it in whatever way it ends."""
        response = StreamingHttpResponse(self, content_type=self.format.content_type)
        response.headers["Content-Disposition"] = f'attachment; filename="logs.{self.format.suffix}"'
        return response

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        return next(self._chunks)

    def close(self) -> None:
        """Give the place back, once; also when nothing was ever read."""
        release, self._release = self._release, None
        if release:
            release()

    def _read(self, cursor: str | None) -> Any:
        return find(self.search, limit=PAGE_ENTRIES, cursor=cursor, newest_first=self.newest_first)

    def _write(self) -> Iterator[str]:
        try:
            yield self.format.head + self.format.write(self._page.entries)
            while self._page.next_cursor:
                self._page = self._read(self._page.next_cursor)
                yield self.format.write(self._page.entries)
        finally:
            self.close()
