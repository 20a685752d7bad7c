"""Secrets that a name announces in a text: `password=…`, `"token": "…"`, `Cookie: …`, `--api-key …`. Pure."""

import re

from privacy import replacements
from privacy.names import is_secret

_NAMES = (
    r"passw|pass[-_ ]?phrase|passcode|pwd|secret|api[-_. ]?key|authori[sz]ation|cookie|credential|private[-_. ]?key"
    r"|access[-_. ]?key|encryption[-_. ]?key|signing[-_. ]?key|sess(?:ion)?[-_. ]?id|cv[vc]2?|[-_.]pass|jwt|bearer"
)


def _name_with(rest: str) -> str:
    """Return what may be a secret's name; `tokens` are counted, not kept."""
    return rf"(?i:(?:{_NAMES})[A-Za-z0-9_.\-{rest}]*|token(?:[a-rt-z0-9_.\-{rest}][A-Za-z0-9_.\-{rest}]*)?)"


_NAME = _name_with(r"\[\]")
_SIGN = r"(?:=>|:=|=|:|%3[aAdD])"
_OPTION = rf"--[A-Za-z0-9\-]*{_NAME}"

#: A name, and the sign between it and its value.
EXPRESSION = rf"(?:{_NAME}\\*[\"']?[ \t]*{_SIGN}|{_OPTION}[ \n]+)"
#: Finds in JSON the names of fields, too, and of what stands beside its value: `{"name": "password", "value": "…"}`.
HINT = (
    rf"{_NAME}(?:(?:[^\"\\]|\\.)*\":|\\*[\"']?(?:[ \t]|\\+[tnr])*{_SIGN})|{_OPTION}(?: |\\+n)"
    rf"|{_name_with('')}\\*[\"'][,\]}}]"
)

NAME_BYTES = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-[]$"
_REST = re.compile(rb"[^\"'\\=:%\s]*")
_EXTENSION = re.compile(rb"\.[a-z]{1,5}\Z")
_OPENING = re.compile(rb"[ \t]*(?P<quote>\\{0,8}[\"'`])")
_WORD = re.compile(rb"[ \t\n]*(?P<value>[^\s&;,\"'<>\x00]+(?:[\"'][^\s&;,\"'<>\x00]+)*)")
_LINE = re.compile(rb"[ \t]*(?P<value>[^\r\n\"'\x00]+)")
#: Their values go on to the end of the line.
_HEADERS = (b"authorization", b"authorisation", b"cookie")
_KEY = b"-----BEGIN"
_CLOSING = b")]}>.\\"
_NO_SECRETS = {
    b"null",
    b"none",
    b"nil",
    b"undefined",
    b"true",
    b"false",
    b"redacted",
    b"filtered",
    b"hidden",
    b"masked",
}
MOST_NAME_BYTES = 100
_ENDING = re.compile(_name_with("") + r"\Z")


def ends_with_name(text: str) -> bool:
    """Tell whether what may be a secret's name stands at the end of a text."""
    return _ENDING.search(text) is not None


def value_after(text: bytes, start: int, end: int, *, limit: int) -> tuple[int, int] | None:
    """Return where, before `limit`, the secret lies that `text[start:end]` announces; None when that is none."""
    name = _name(text, start, end)
    if not is_secret(name.decode("latin-1")):
        return None
    if opening := _OPENING.match(text, end, limit):
        return _worth_it(text, opening.end(), _closing(text, opening.end(), opening["quote"], limit))
    if text[end : end + 1] in (b"=", b":") or _is_file(name, text, end):  # a comparison, a namespace
        return None
    is_header = any(header in name.lower() for header in _HEADERS)
    found = (_LINE if is_header else _WORD).match(text, end, limit)
    if not found:
        return None
    begin, stop = found.span("value")
    if (key := text.find(_KEY, begin, stop)) >= 0:
        stop = key  # which is found as a whole
    stop = begin + len(text[begin:stop].rstrip(b" \t" if is_header else _CLOSING))
    if text[end - 1 : end] == b":" and not is_header and not _looks_secret(text[begin:stop]):
        return None  # a sentence: "invalid token: expected …"
    return _worth_it(text, begin, stop)


def _name(text: bytes, start: int, end: int) -> bytes:
    """Return the whole name, of which the expression has found an end."""
    before = text[max(0, start - MOST_NAME_BYTES) : start]
    rest = _REST.match(text, start, end)
    return before[len(before.rstrip(NAME_BYTES)) :] + (rest[0] if rest else b"")


def _closing(text: bytes, begin: int, quote: bytes, limit: int) -> int:
    """Return where a quote closes that is escaped as the opening one: in JSON within JSON it has a backslash."""
    stop = text.find(quote, begin, limit)
    while stop > begin and text[stop - 1 : stop] == b"\\":
        stop = text.find(quote, stop + 1, limit)
    return limit if stop < 0 else stop


def _is_file(name: bytes, text: bytes, end: int) -> bool:
    """Tell whether this is a file and a line of it: `token.ts:12`."""
    return text[end - 1 : end] == b":" and text[end : end + 1].isdigit() and _EXTENSION.search(name) is not None


def _looks_secret(value: bytes) -> bool:
    return not value.isalpha()


def _worth_it(text: bytes, begin: int, stop: int) -> tuple[int, int] | None:
    value = text[begin:stop]
    if end := replacements.end_of(text, begin):
        value = text[end:stop]
    if not value.strip(b" *x.-_[]<>") or value.strip(b" <>[]*").lower() in _NO_SECRETS:
        return None
    return begin, stop
