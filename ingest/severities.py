"""Levels as other systems call or count them, and ours. Pure."""

from typing import Any

from foundation.levels import LevelName

_NAMES: dict[LevelName, str] = {
    "debug": "trace finest finer fine verbose silly debug dbg d",
    "info": "info information informational notice log http i n success ok",
    "warn": "warn warning w",
    "error": "error err e severe",
    "fatal": "fatal critical crit alert emerg emergency dpanic f c",
    "panic": "panic",
}
BY_TEXT: dict[str, LevelName] = {name: level for level, names in _NAMES.items() for name in names.split()}
#: Names that say more than the level that we keep for them.
_SAYING_MORE = "trace finest finer fine verbose silly notice success alert emerg emergency dpanic"
SAYING_MORE = frozenset(map(str, _SAYING_MORE.split()))
#: pino's and bunyan's numbers; below 8 they are syslog's (RFC 5424, section 6.2.1).
_BY_NUMBER: dict[int, LevelName] = {
    10: "debug", 20: "debug", 30: "info", 40: "warn", 50: "error", 60: "fatal",
    0: "fatal", 1: "fatal", 2: "fatal", 3: "error", 4: "warn", 5: "info", 6: "info", 7: "debug",
}  # fmt: skip
LONGEST_TEXT = 64
_EXACT: dict[Any, tuple[LevelName, str | None]] = {
    **{text: (level, text if text in SAYING_MORE else None) for text, level in BY_TEXT.items()},
    **{text.upper(): (level, text.upper() if text in SAYING_MORE else None) for text, level in BY_TEXT.items()},
}
_EXACT_NUMBERS: dict[int, tuple[LevelName, str | None]] = {number: (name, None) for number, name in _BY_NUMBER.items()}


def severity_of(value: Any) -> tuple[LevelName, str | None] | None:
    """Return the level that a text or number stands for, and the text itself if it says more.

    What is unknown is `info`, and says more; None: there is nothing in it.
    """
    if value.__class__ is int and value in _EXACT_NUMBERS:
        return _EXACT_NUMBERS[value]
    if isinstance(value, str):
        return _EXACT.get(value) or _severity_of_text(value.strip())
    if isinstance(value, int | float) and not isinstance(value, bool):
        level = _BY_NUMBER.get(int(value)) if value in _BY_NUMBER else None
        return (level, None) if level else ("info", str(value)[:LONGEST_TEXT])
    return None


def _severity_of_text(text: str) -> tuple[LevelName, str | None] | None:
    if not text:
        return None
    if text.isdecimal() and len(text) < 4:
        return severity_of(int(text))
    name = text.lower()
    level = BY_TEXT.get(name)
    return (level, text if name in SAYING_MORE else None) if level else ("info", text[:LONGEST_TEXT])
