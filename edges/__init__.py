"""Edges: installations near the senders that take batches, and hand them on to this one, the core, exactly once."""
