"""When, from where and with what each key was last used: noted by requests in memory, kept once a minute and key."""

import json
import time
from collections.abc import Callable, Mapping
from datetime import datetime

from django.db import connection
from django.utils import timezone

from accounts.hand_over import HandOver
from foundation.expiring import Expiring
from foundation.redaction import redact

MINUTE_SECONDS = 60
CAPACITY = 20_000
CLIENT_LENGTH = 200

#: Never goes back in time, and writes a key's row at most once a minute however many processes saw the key.
KEEP = """
UPDATE accounts_apikey AS kept
   SET last_used_at = seen.at, last_used_address = seen.address, last_used_client = seen.client
  FROM unnest(%s::bigint[], %s::timestamptz[], %s::inet[], %s::text[]) AS seen (id, at, address, client)
 WHERE kept.id = seen.id
   AND (kept.last_used_at IS NULL OR kept.last_used_at <= seen.at - interval '60 seconds')
"""


class LastUse:
    """What the keys seen by this process were last used for."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self._noted: Expiring[int, bool] = Expiring(capacity=CAPACITY, clock=clock)
        self._hand_over = HandOver("last_use")

    def note(self, api_key_id: int, *, address: str, client: str) -> None:
        """Note a use; all but the first of a key in a minute cost a dictionary look-up."""
        now = self.clock()
        if self._noted.get(api_key_id):
            return
        self._noted.put(api_key_id, True, until=now + MINUTE_SECONDS)
        use = [timezone.now().isoformat(), address, redact(client)[:CLIENT_LENGTH].replace("\0", "")]
        self._hand_over.put(str(api_key_id), json.dumps(use))

    def keep(self) -> None:
        """Write the uses that were handed over into the keys' rows."""
        with self._hand_over.taken() as uses:
            _keep({int(api_key_id): json.loads(use) for api_key_id, use in uses.items()})

    def clear(self) -> None:
        """Forget what was noted, so that the next use is noted again."""
        self._noted.clear()


def _keep(uses: Mapping[int, tuple[str, str, str]]) -> None:
    if not uses:
        return
    ids = sorted(uses)
    moments = [datetime.fromisoformat(uses[key][0]) for key in ids]
    with connection.cursor() as cursor:
        cursor.execute(KEEP, [ids, moments, [uses[key][1] for key in ids], [uses[key][2] for key in ids]])


last_use = LastUse()
