"""What the proxy refused by itself, before any code of ours saw it: a line each in a file that `deploy/nginx.conf` has.

The count is that of the file; when it is rotated, the counter begins anew, as one of a process that starts.
"""

import os
import re
from collections import Counter

import structlog
from django.conf import settings
from prometheus_client.core import CounterMetricFamily

log = structlog.get_logger(__name__)

STATUS = re.compile(rb"^([45]\d\d)$", re.MULTILINE)
PIECE_BYTES = 2**20


class Tally:
    """The statuses in a file of lines: what was read is not read again."""

    def __init__(self) -> None:
        self._begin(0)

    def _begin(self, file: int) -> None:
        self._file, self._read_bytes, self._found = file, 0, Counter[str]()

    def count(self, path: str) -> Counter[str]:
        """Return how often the file at `path` has each status. Raises: `OSError`."""
        with open(path, "rb") as file:
            now = os.fstat(file.fileno())
            if now.st_ino != self._file or now.st_size < self._read_bytes:
                self._begin(now.st_ino)
            file.seek(self._read_bytes)
            while whole := _whole_lines(file.read(PIECE_BYTES)):
                self._read_bytes += len(whole)
                self._found.update(status.decode() for status in STATUS.findall(whole))
                file.seek(self._read_bytes)
        return self._found.copy()


def counted() -> CounterMetricFamily:
    """Return the metric; without the file it has no samples."""
    meaning = "Answers of the proxy itself, by status: 413 and 503 are refusals of batches."
    family = CounterMetricFamily("luminalog_proxy_refusals", meaning, labels=["status"])
    try:
        for status, times in sorted(_tally.count(settings.PROXY_LOG).items()):
            family.add_metric([status], times)
    except OSError as error:
        log.warning("proxy_log_unreadable", error=type(error).__name__)
    return family


def _whole_lines(piece: bytes) -> bytes:
    return piece[: piece.rfind(b"\n") + 1]


_tally = Tally()
