"""The form of an API key. Pure: no database, no settings."""

import hashlib
import secrets

from foundation.redaction import KEY


def make_key() -> str:
    """Return a new key: `ll_` and 192 random bits as 48 hex digits."""
    return "ll_" + secrets.token_hex(24)


def is_well_formed(key: str) -> bool:
    """Tell whether `key` has the form of a key, so that nothing else costs a query."""
    return KEY.fullmatch(key) is not None


def digest(key: str) -> bytes:
    """Return the 32 bytes kept in place of `key`. 192 random bits need no slow hash (OWASP ASVS 2.9)."""
    return hashlib.sha256(key.encode()).digest()
