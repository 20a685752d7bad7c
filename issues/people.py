"""Who met an error: a hash that is of one organisation, and tells people apart without naming them."""

import hmac
from functools import lru_cache
from hashlib import blake2b

from django.conf import settings

#: More in one group are "more than" so many.
MOST_PEOPLE = 1_000


def hash_of(organisation_id: int, user_id: str) -> int:
    """Return the hash of a user's id, as PostgreSQL's bigint."""
    digest = blake2b(user_id.encode(errors="replace"), key=_key(organisation_id), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


@lru_cache(10_000)
def _key(organisation_id: int) -> bytes:
    return hmac.digest(settings.SECRET_KEY.encode(), f"issues.people {organisation_id}".encode(), "sha256")
