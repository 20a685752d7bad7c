"""What requests tell about keys: when, from where and with what each was last used; and which came over plain HTTP."""

import time
from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from django.utils import timezone

from accounts.facts import Facts
from accounts.keys import digest, is_well_formed
from foundation.expiring import Expiring
from foundation.postgres import PromptTransaction, answered_in_time, execute
from foundation.redaction import redact

MINUTE_SECONDS = 60
CAPACITY = 20_000
CLIENT_LENGTH = 200

#: Never goes back in time, and writes a key's row at most once a minute however many processes saw the key. Rows are
#: locked in the order of their ids, as by everybody who locks several.
KEEP = """
WITH seen AS MATERIALIZED (
    SELECT id, seen.at, seen.address, seen.client
      FROM accounts_apikey
      JOIN unnest(%s::bigint[], %s::timestamptz[], %s::inet[], %s::text[]) AS seen (id, at, address, client) USING (id)
     WHERE last_used_at IS NULL OR last_used_at <= seen.at - interval '60 seconds'
     ORDER BY id
       FOR NO KEY UPDATE OF accounts_apikey
)
UPDATE accounts_apikey AS kept
   SET last_used_at = seen.at, last_used_address = seen.address, last_used_client = seen.client
  FROM seen WHERE kept.id = seen.id
"""
MARK = """
WITH seen AS MATERIALIZED (
    SELECT id, seen.at
      FROM accounts_apikey JOIN unnest(%s::bytea[], %s::timestamptz[]) AS seen (sha256, at) USING (sha256)
     WHERE seen_over_plain_http_at IS NULL OR seen_over_plain_http_at < seen.at
     ORDER BY id
       FOR NO KEY UPDATE OF accounts_apikey
)
UPDATE accounts_apikey AS kept SET seen_over_plain_http_at = seen.at FROM seen WHERE kept.id = seen.id
"""


class Use(NamedTuple):
    """One use of a key."""

    at: datetime
    address: str
    client: str


class LastUse:
    """What the keys seen by this process were last used for; kept once a minute and key."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self._noted: Expiring[int, bool] = Expiring(capacity=CAPACITY, clock=clock)
        self.facts: Facts[int, Use] = Facts("last-use", _keep)

    def is_noted(self, api_key_id: int) -> bool:
        """Tell whether a use in the last minute has been noted."""
        return bool(self._noted.get(api_key_id))

    def note(self, api_key_id: int, *, address: str, client: str) -> None:
        """Note a use; all but the first of a key in a minute cost a look-up in memory."""
        if self.is_noted(api_key_id):
            return
        self._noted.put(api_key_id, True, until=self.clock() + MINUTE_SECONDS)
        client = redact(client)[:CLIENT_LENGTH].replace("\0", "")
        self.facts.put(api_key_id, Use(timezone.now(), address, client))

    def flush(self) -> None:
        """Write what was noted into the keys' rows now. Raises: `DatabaseError`."""
        self.facts.flush()

    def clear(self) -> None:
        """Forget what was noted, so that the next use is noted again."""
        self._noted.clear()


class PlainHttp:
    """Keys that came over plain HTTP: whoever listened has them now, so the admin asks to rotate them."""

    def __init__(self) -> None:
        self.facts: Facts[bytes, datetime] = Facts("plain-http", _mark)

    def note(self, key: str) -> None:
        """Note that `key` came over plain HTTP; whether it is anybody's is found out in the background."""
        if is_well_formed(key):
            self.facts.put(digest(key), timezone.now())

    def flush(self) -> None:
        """Mark what was noted in the keys' rows now. Raises: `DatabaseError`."""
        self.facts.flush()


def _keep(uses: dict[int, Use]) -> None:
    _write(KEEP, [list(uses), *map(list, zip(*uses.values(), strict=True))])


def _mark(seen: dict[bytes, datetime]) -> None:
    _write(MARK, [list(seen), list(seen.values())])


def _write(statement: str, columns: list[object]) -> None:
    with PromptTransaction(), answered_in_time():
        execute(statement, columns)


last_use = LastUse()
plain_http = PlainHttp()
