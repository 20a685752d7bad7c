"""Where a request presents its API key, beside its body: in which header, parameter, and form."""

import re
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import parse_qsl

from accounts.addresses import HasMeta
from accounts.keys import is_well_formed
from foundation.refusals import Refusal

_SENTRY_KEY = re.compile(r"\bsentry_key=([^\s,]+)")
#: Of an address in which keys are looked for; no client of ours writes more.
MOST_FIELDS = 50


@dataclass(frozen=True, kw_only=True, slots=True)
class Places:
    """Where a key may be beside `x-api-key`: schemes of `Authorization`, headers (in META's names), parameters."""

    schemes: frozenset[str] = frozenset()
    headers: tuple[str, ...] = ()
    parameters: frozenset[str] = frozenset()

    def plus_parameters(self, *names: str) -> "Places":
        """Return these, and parameters of the address."""
        return Places(schemes=self.schemes, headers=self.headers, parameters=self.parameters | set(names))


#: Everywhere.
BEARER = Places(schemes=frozenset({"bearer"}))
#: Where agents send; and what some of them can write in addresses only.
OF_AGENTS = Places(
    schemes=frozenset({"bearer", "splunk", "apikey", "basic", "sentry"}),
    headers=("HTTP_DD_API_KEY", "HTTP_X_SENTRY_AUTH"),
)
OF_DATADOG, OF_SENTRY = OF_AGENTS.plus_parameters("dd-api-key"), OF_AGENTS.plus_parameters("sentry_key")
#: Wherever any of them may have one: for whoever does not know yet which protocol is spoken.
ANYWHERE = OF_AGENTS.plus_parameters("dd-api-key", "sentry_key")


def presented_key(request: HasMeta, *, places: Places = BEARER) -> str | None:
    """Return what the request presents as its key, or nothing.

    Where `x-api-key` is, nothing else is looked at. Elsewhere a value without the form of a key is none: it is somebody
    else's log-in. Raises: Refusal `invalid_api_key` for two different keys.
    """
    key = request.META.get("HTTP_X_API_KEY")
    if key is not None:
        return str(key)
    found = {candidate for candidate in _candidates(request, places) if is_well_formed(candidate)}
    if len(found) > 1:
        raise Refusal("invalid_api_key")
    return found.pop() if found else None


def _candidates(request: HasMeta, places: Places) -> Iterator[str]:
    scheme, _, value = str(request.META.get("HTTP_AUTHORIZATION", "")).strip().partition(" ")
    if scheme.lower() in places.schemes:
        yield from _in_authorization(scheme.lower(), value.strip())
    for name in places.headers:
        if given := str(request.META.get(name, "")).strip():
            yield from [given, *_SENTRY_KEY.findall(given)]
    query = str(request.META.get("QUERY_STRING", "")) if places.parameters else ""
    if "key=" in query:
        yield from _in_query(query, places.parameters)


def _in_authorization(scheme: str, value: str) -> list[str]:
    if scheme in ("bearer", "splunk"):
        return [value]
    if scheme == "sentry":
        return _SENTRY_KEY.findall(value)
    if scheme == "apikey" and is_well_formed(value):
        return [value]
    try:
        user, _, password = b64decode(value, validate=True).decode().partition(":")
    except (Base64Error, ValueError):
        return []
    return [user, password]


def _in_query(query: str, names: frozenset[str]) -> list[str]:
    try:
        return [value for name, value in parse_qsl(query, max_num_fields=MOST_FIELDS) if name in names]
    except ValueError:
        return []
