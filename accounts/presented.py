"""Where a request presents its API key, beside its body: in which header, and in which form."""

from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Collection

from accounts.addresses import HasMeta
from accounts.keys import is_well_formed
from foundation.refusals import Refusal

#: Schemes of `Authorization`: everywhere, and where agents send.
BEARER = ("bearer",)
OF_AGENTS = ("bearer", "splunk", "apikey", "basic")


def presented_key(request: HasMeta, *, schemes: Collection[str] = BEARER) -> str | None:
    """Return what the request presents as its key, or nothing.

    Where `x-api-key` is, nothing else is looked at. A value of `Authorization` without the form of a key is none: it is
    somebody else's log-in. Raises: Refusal `invalid_api_key` for two different keys.
    """
    key = request.META.get("HTTP_X_API_KEY")
    if key is not None:
        return str(key)
    scheme, _, value = str(request.META.get("HTTP_AUTHORIZATION", "")).strip().partition(" ")
    if scheme.lower() not in schemes:
        return None
    found = {candidate for candidate in _candidates(scheme.lower(), value.strip()) if is_well_formed(candidate)}
    if len(found) > 1:
        raise Refusal("invalid_api_key")
    return found.pop() if found else None


def _candidates(scheme: str, value: str) -> Collection[str]:
    if scheme in ("bearer", "splunk"):
        return [value]
    if scheme == "apikey" and is_well_formed(value):
        return [value]
    try:
        user, _, password = b64decode(value, validate=True).decode().partition(":")
    except (Base64Error, ValueError):
        return []
    return [user, password]
