"""The type of an error, as every language calls it: without modules, generics, numbers and addresses. Pure."""

import re
from collections.abc import Sequence
from functools import lru_cache

MOST_CHARACTERS = 200
#: Types that say only that something went wrong.
GENERIC = frozenset(
    {"", "Error", "Exception", "RuntimeError", "RuntimeException", "StandardError", "Throwable", "AssertionError",
    "errorString", "wrapError", "wrapErrors", "joinError", "fundamental", "withStack", "withMessage",
    "SystemException", "ApplicationException", "panic"}
)  # fmt: skip
_CLASS = re.compile(r"<class '([^']*)'>")
_TAIL = re.compile(r"\$\$.*|@anonymous.*|(?:\$\d+)+$| at 0x[0-9a-f]+.*|[@#]?0x[0-9a-f]+.*|[<\[`{(\0].*", re.DOTALL)
_LAST = re.compile(r"[^.:\\/$]+$")
_INTRODUCTION = re.compile(r"""(?:Uncaught |Unhandled |Exception in thread "[^"]{0,100}" |\(in promise\) )+""")
_IN_TEXT = re.compile(
    r"((?:[A-Za-z_][\w$]*[.\\/:]+){0,12}(?:[A-Z][A-Za-z0-9]*)?(?:Error|Exception|Fault|Failure|Panic))(?![\w.])"
)


def type_name(text: str) -> str:
    """Return the name of a type; empty if there is none."""
    return _type_name(text[:MOST_CHARACTERS])


@lru_cache(4_096)
def _type_name(text: str) -> str:
    text = text.strip()
    of_class = _CLASS.match(text)
    text = (of_class[1] if of_class else text).lstrip("*&").strip()
    found = _LAST.search(_TAIL.sub("", text).strip())
    return found[0].strip() if found else ""


def type_in(lines: Sequence[str], *texts: str | None) -> str:
    """Return the type that a stack, or else a text, begins with; Python's stacks end with it."""
    first = next((line.strip() for line in lines if line.strip()), "")
    last = next((line.strip() for line in reversed(lines) if line.strip()), "") if "Traceback" in first else ""
    for text in (last, first, *texts):
        if text and (found := _told(text)):
            return type_name(found)
    return ""


def without_type(message: str, name: str) -> str:
    """Return a message without the type that it repeats in front: `Uncaught TypeError: x` says `x`."""
    rest = _introduced(message)
    found, sign, said = rest.partition(":")
    if sign and name and " " not in found.strip() and said.strip() and type_name(found) == name:
        return said.strip()
    return rest


def _told(text: str) -> str:
    rest = _introduced(text)
    if rest.startswith("panic: "):
        return "panic"
    found = _IN_TEXT.match(rest)
    return found[1] if found else ""


def _introduced(text: str) -> str:
    found = _INTRODUCTION.match(text[:400])
    return text[found.end() :] if found else text
