"""The overflow lane's second bucket, behind each of a hierarchy: what the first has no token for is kept for later."""

#: It holds so many times what the first does, and fills at the same rate.
TIMES = 10
#: Nothing is deferred for longer, however large a burst is beside its rate: beyond it a request is refused.
LONGEST_DEFERRAL_SECONDS = 3600
MINUTE_SECONDS = 60


def capacity_behind(capacity: int, *, per_minute: int) -> int:
    """Return how many tokens the bucket behind one of `capacity` holds."""
    return min(TIMES * capacity, per_minute * LONGEST_DEFERRAL_SECONDS // MINUTE_SECONDS)
