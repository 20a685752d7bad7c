"""Keys that were sent over plain HTTP: whoever listened has them now, so the admin asks to rotate them."""

from datetime import datetime

from django.db import connection
from django.utils import timezone

from accounts.hand_over import HandOver
from accounts.keys import digest, is_well_formed

MARK = """
UPDATE accounts_apikey AS kept SET seen_over_plain_http_at = seen.at
  FROM unnest(%s::bytea[], %s::timestamptz[]) AS seen (sha256, at)
 WHERE kept.sha256 = seen.sha256
   AND (kept.seen_over_plain_http_at IS NULL OR kept.seen_over_plain_http_at < seen.at)
"""


class PlainHttp:
    """The keys that came over plain HTTP, by their hash."""

    def __init__(self) -> None:
        self._hand_over = HandOver("plain_http")

    def note(self, key: str) -> None:
        """Note that `key` came over plain HTTP; whether it is anybody's is found out by the worker."""
        if is_well_formed(key):
            self._hand_over.put(digest(key).hex(), timezone.now().isoformat())

    def mark(self) -> None:
        """Mark the keys that were handed over in the database."""
        with self._hand_over.taken() as seen:
            _mark({bytes.fromhex(sha256): datetime.fromisoformat(at) for sha256, at in seen.items()})


def _mark(seen: dict[bytes, datetime]) -> None:
    if not seen:
        return
    hashes = sorted(seen)
    with connection.cursor() as cursor:
        cursor.execute(MARK, [hashes, [seen[sha256] for sha256 in hashes]])


plain_http = PlainHttp()
