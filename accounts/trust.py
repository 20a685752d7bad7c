"""At an edge: may it still go by what it knows of keys? For a day without the core, then not."""

import time

from django.conf import settings

from foundation.expiring import Expiring
from foundation.postgres import execute, fetch_all
from foundation.refusals import Refusal

#: So long a process believes what it saw.
LOOK_SECONDS = 1.0
RETRY_AFTER_SECONDS = 30
AGE = "SELECT extract(epoch FROM now() - confirmed_at)::float8 FROM accounts_mirror WHERE id = 1"
CONFIRM = """
INSERT INTO accounts_mirror (id, digest, confirmed_at) VALUES (1, %(digest)s, now())
    ON CONFLICT (id) DO UPDATE SET digest = excluded.digest, confirmed_at = excluded.confirmed_at
"""
DIGEST = "SELECT digest FROM accounts_mirror WHERE id = 1"

_trusted: Expiring[str, bool] = Expiring(capacity=1)


def require() -> None:
    """Return if the mirror of keys is young enough. Raises: `Refusal` `storage_unavailable`; `OperationalError`."""
    is_trusted = _trusted.get("mirror")
    if is_trusted is None:
        is_trusted = _is_trusted()
        _trusted.put("mirror", is_trusted, until=time.monotonic() + LOOK_SECONDS)
    if not is_trusted:
        detail = "This edge was without its core for too long to know whose keys are good. Retry, or send elsewhere."
        raise Refusal("storage_unavailable", detail, retry_after_seconds=RETRY_AFTER_SECONDS)


def age_seconds() -> float | None:
    """Return how long ago the core has confirmed the mirror; None when it never has."""
    return next((age for (age,) in fetch_all(AGE)), None)


def digest() -> str:
    """Return the digest of what is mirrored; empty before there is anything."""
    return next((known for (known,) in fetch_all(DIGEST)), "")


def confirm(digest: str) -> None:
    """Note that the core has said now that this is how it is. Joins the caller's transaction."""
    execute(CONFIRM, {"digest": digest})


def forget() -> None:
    """Look anew at the next request."""
    _trusted.clear()


def _is_trusted() -> bool:
    age = age_seconds()
    # A clock that was set back makes it look young: for no longer than it may be old.
    return age is not None and abs(age) <= settings.EDGE_TRUST_SECONDS
