"""What the name of a field says of its value: a secret, an identifier that is no card, a card. Pure."""

import re
from functools import lru_cache

from privacy.replacements import without

#: A name is looked at so far from its beginning and from its end.
LOOKED_AT = 150
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+|[^\x00-\x7f]+")

#: Wherever they stand in a name that is squeezed into one word.
WITHIN = (
    "passw", "passphrase", "passcode", "secret", "apikey", "authorization", "authorisation", "cookie", "credential",
    "privatekey", "accesskey", "encryptionkey", "signingkey", "sessionid", "sessid",
)  # fmt: skip
WORDS = {"pwd", "cvv", "cvv2", "cvc", "cvc2", "jwt", "bearer"}
#: At the end of a word: `authtoken`, `userpwd`.
ENDINGS = ("token", "pwd")
#: A name that ends so tells something of a secret, not the secret.
ABOUT = {
    "count", "counts", "counter", "limit", "limits", "total", "used", "usage", "remaining", "size", "length", "len",
    "type", "kind", "expires", "expiry", "expiration", "expired", "expire", "exp", "ttl", "age", "at", "in", "on",
    "date", "time", "timestamp", "seconds", "ms", "days", "url", "uri", "endpoint", "path", "policy", "strength",
    "version", "status", "state", "valid", "invalid", "enabled", "disabled", "required", "present", "changed",
    "attempts", "attempt", "retries", "error", "errors", "failures", "name", "names", "idle", "domain", "samesite",
}  # fmt: skip
#: Flags and numbers about secrets begin so.
FLAGS = {"is", "has", "had", "max", "min", "num", "number", "no", "needs", "requires", "forgot", "expires"}
NOT_WORDS = ("secretar", "tokeni", "cookiecutter")
WORKING_FOLDERS = {"PWD", "OLDPWD"}

IDENTIFIERS = {
    "id", "ids", "at", "uid", "uuid", "guid", "ts", "timestamp", "userid", "orderid", "traceid", "spanid", "requestid",
    "customerid", "accountid", "messageid", "eventid", "transactionid", "deviceid", "tenantid", "projectid", "itemid",
}  # fmt: skip
IDENTIFIED = {"trace", "span", "request", "order"}
CARDS = {"card", "cards", "pan", "cc", "ccn", "creditcard", "cardnumber", "ccnumber"}


@lru_cache(8_192)
def _is_secret(name: str) -> bool:
    words = _words(name)
    if name in WORKING_FOLDERS or not words or words[-1] in ABOUT or words[0] in FLAGS:
        return False
    words = [word for word in words if not word.startswith(NOT_WORDS)]
    squeezed = "".join(words)
    return (
        any(part in squeezed for part in WITHIN)
        or not WORDS.isdisjoint(words)
        or any(word.endswith(ENDINGS) for word in words)
        or (len(words) > 1 and words[-1] == "pass")
    )


@lru_cache(8_192)
def _is_identifier(name: str) -> bool:
    words = _words(name)
    if not words or not CARDS.isdisjoint(words):
        return False
    return words[-1] in IDENTIFIERS or words[0] in IDENTIFIED


def is_secret(name: str) -> bool:
    """Tell whether a field called `name` holds a secret, whatever its value looks like."""
    return _is_secret(_ends_of(name))


def is_identifier(name: str) -> bool:
    """Tell whether a run of digits in a field called `name` is an identifier or a time, and no card."""
    return _is_identifier(_ends_of(name))


def _ends_of(name: str) -> str:
    return name if len(name) <= 2 * LOOKED_AT else f"{name[:LOOKED_AT]} {name[-LOOKED_AT:]}"


def _words(name: str) -> list[str]:
    return [word.lower() for word in _WORD.findall(without(name))]
