"""Which batch of an edge is which of ours, as long as a request that carries it may still come."""

from collections.abc import Iterator, Mapping, Sequence

from foundation.postgres import array_of, execute, fetch_all, stream

FORGET = "DELETE FROM edges_edgebatch WHERE edge_id = %s AND edge_batch_id = ANY (%s::bigint[])"
#: In one order; a pair that is there was kept before.
PAIR = """
INSERT INTO edges_edgebatch (edge_id, edge_batch_id, batch_id)
SELECT %s, edge_batch_id, batch_id FROM unnest(%s::bigint[], %s::bigint[]) AS new(edge_batch_id, batch_id)
 ORDER BY edge_batch_id
    ON CONFLICT (edge_id, edge_batch_id) DO NOTHING
RETURNING edge_batch_id
"""
PAIRS = "SELECT edge_id, edge_batch_id, batch_id FROM edges_edgebatch"


def pair(edge_id: int, batches: Mapping[int, int]) -> set[int]:
    """Note which of our ids the batches of an edge have, in the caller's transaction; return those that are new."""
    if not batches:
        return set()
    pairs = fetch_all(PAIR, [edge_id, array_of(batches), array_of(batches.values())])
    return {edge_batch_id for (edge_batch_id,) in pairs}


def forget(edge_id: int, edge_batch_ids: Sequence[int]) -> None:
    """Forget pairs that no request brings again, in the caller's transaction."""
    execute(FORGET, [edge_id, array_of(edge_batch_ids)])


def pairs() -> Iterator[tuple[int, int, int]]:
    """Yield edge, its batch and ours. In the caller's transaction, in bounded memory."""
    return ((edge_id, edge_batch_id, batch_id) for edge_id, edge_batch_id, batch_id in stream(PAIRS))
