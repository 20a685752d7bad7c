"""At an edge: which batches its core has said to keep, until the core knows that they were forgotten here."""

from collections.abc import Sequence

from foundation.postgres import array_of, execute, fetch_all

#: A look-up after a lost COMMIT may still ask for one.
KEPT_FOR = "15 minutes"
MOST_AT_ONCE = 10_000

FORGET = "INSERT INTO ingest_forgottenbatch (batch_id) SELECT unnest(%s::bigint[]) ON CONFLICT DO NOTHING"
TO_CONFIRM = "SELECT batch_id FROM ingest_forgottenbatch WHERE NOT is_confirmed ORDER BY batch_id LIMIT %s"
CONFIRM = "UPDATE ingest_forgottenbatch SET is_confirmed = true WHERE batch_id = ANY (%s::bigint[])"
CLEAR = f"""
DELETE FROM ingest_forgottenbatch WHERE is_confirmed AND abs(extract(epoch FROM now() - forgotten_at))
       > extract(epoch FROM interval '{KEPT_FOR}')
"""  # noqa: S608 - constants


def note(batch_ids: Sequence[int]) -> None:
    """Note that these are with the core, in the transaction that takes them out of the spool."""
    execute(FORGET, [array_of(batch_ids)])


def to_confirm() -> list[int]:
    """Return what the core is to be told next."""
    return [batch_id for (batch_id,) in fetch_all(TO_CONFIRM, [MOST_AT_ONCE])]


def confirm(batch_ids: Sequence[int]) -> None:
    """Note that the core knows."""
    if batch_ids:
        execute(CONFIRM, [array_of(batch_ids)])


def clear() -> int:
    """Delete what the core has known for long enough; return how many went."""
    return execute(CLEAR)
