"""The form of an edge's token. Pure, as `accounts.keys`: of a token only its SHA-256 is kept."""

import hashlib
import secrets

from foundation.redaction import TOKEN


def make_token() -> str:
    """Return a new token: `le_` and 192 random bits as 48 hex digits."""
    return "le_" + secrets.token_hex(24)


def is_well_formed(token: str) -> bool:
    """Tell whether `token` has the form of a token."""
    return TOKEN.fullmatch(token) is not None


def digest(token: str) -> bytes:
    """Return the 32 bytes kept in place of `token`. 192 random bits need no slow hash (OWASP ASVS 2.9)."""
    return hashlib.sha256(token.encode()).digest()
