"""Addresses as they may be shown: of one that is a secret its host, and how it ends. Pure."""

from urllib.parse import urlsplit

SHOWN_CHARACTERS = 4


def mask(address: str) -> str:
    """Return an e-mail address as it is, and of any other so much that who knows it recognises it."""
    if address in ("", "None") or ("@" in address and "/" not in address):  # None: the audit trail's, of a new channel
        return address
    try:
        host = urlsplit(address).hostname or ""
    except ValueError:
        host = ""
    return f"{host}…{address[-SHOWN_CHARACTERS:]}"
