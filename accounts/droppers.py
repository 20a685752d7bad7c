"""Clients that drop what is answered 429, by what they call themselves: the overflow lane is for them."""

#: The published clients of LuminaLog's API (docs/limits.md); none of them looks at Retry-After.
BEGINNINGS = ("luminalog-", "@luminalog/logger")


def drops_refused(client: str) -> bool:
    """Tell whether a client drops the entries that are answered 429, by its `User-Agent`."""
    return client.lstrip().lower().startswith(BEGINNINGS)
