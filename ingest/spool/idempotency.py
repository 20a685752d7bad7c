"""`Idempotency-Key`: a retry of a request that was answered 200 gets that answer again, and nothing is stored twice.

The row is written in the transaction that accepts the batch, so only 200s are remembered, for 24 hours. Each API key
has its own: what another service of the organisation calls `daily-1` is another batch.
"""

import hashlib
import re
from dataclasses import dataclass
from typing import Any

from django.db import OperationalError, connection

from foundation.outages import LOCK_NOT_AVAILABLE, sqlstate
from foundation.postgres import answered_in_time, execute
from foundation.refusals import Refusal

KEY = re.compile(r"[\x21-\x7e]([\x20-\x7e]{0,253}[\x21-\x7e])?", re.ASCII)

#: Waits for a concurrent request with the same key; a row past its 24 hours is as good as none.
REMEMBER = """
INSERT INTO ingest_idempotencykey AS known (api_key_id, key, body_sha256, answer, media_type)
VALUES (%s, %s, %s, %s, %s)
ON CONFLICT (api_key_id, key) DO UPDATE
   SET body_sha256 = excluded.body_sha256, answer = excluded.answer, media_type = excluded.media_type,
       created_at = now()
 WHERE known.created_at < now() - interval '24 hours'
"""
RECALL = "SELECT body_sha256, answer, media_type FROM ingest_idempotencykey WHERE api_key_id = %s AND key = %s"
#: A key that a request is renewing, or another worker is forgetting, is left to them.
FORGET = """
DELETE FROM ingest_idempotencykey
 WHERE id IN (SELECT id FROM ingest_idempotencykey WHERE created_at < now() - interval '24 hours'
               ORDER BY id FOR UPDATE SKIP LOCKED)
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Remembered:
    """The answer that a request was given, byte by byte."""

    body: bytes
    media_type: str


def checked(key: str | None) -> str | None:
    """Return the key of a request, if it carries one. Raises: `Refusal` `invalid_idempotency_key`."""
    if key is not None and not KEY.fullmatch(key):
        raise Refusal("invalid_idempotency_key")
    return key


def remember(api_key_id: int, key: str, *, body: bytes, answer: Remembered) -> Remembered | None:
    """Remember `answer` in the current transaction; return the earlier answer if there is one.

    Raises: `Refusal` `idempotency_in_progress` while the first request runs, `idempotency_mismatch` for another body.
    """
    body_sha256 = hashlib.sha256(body).digest()
    with answered_in_time(), connection.cursor() as cursor:
        try:
            cursor.execute(REMEMBER, [api_key_id, key, body_sha256, answer.body, answer.media_type])
        except OperationalError as error:
            if sqlstate(error) == LOCK_NOT_AVAILABLE:
                raise Refusal("idempotency_in_progress", retry_after_seconds=1) from error
            raise
        if cursor.rowcount:
            return None
        cursor.execute(RECALL, [api_key_id, key])
        known_sha256, known_answer = _known(cursor.fetchone())
    if known_sha256 != body_sha256:
        raise Refusal("idempotency_mismatch")
    return known_answer


def forget_old() -> int:
    """Delete the keys past their 24 hours; return how many."""
    return execute(FORGET)


def _known(row: tuple[Any, ...] | None) -> tuple[bytes, Remembered]:
    if row is None:  # forgotten between the two statements
        raise Refusal("idempotency_in_progress", retry_after_seconds=1)
    return bytes(row[0]), Remembered(body=bytes(row[1]), media_type=row[2])
