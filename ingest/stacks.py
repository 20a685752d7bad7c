"""A stack trace as somebody wrote it → its lines, and what they say about the error. Pure."""

from typing import Any

from msgspec import json

from storage.entry import EntryError

OF_PYTHON = "Traceback (most recent call last)"
#: How JavaScript begins each line after the first.
FRAME_OF_JAVASCRIPT = "    at "


def add_stack(error: EntryError, stack: Any) -> None:
    """Add a stack's lines; Python's last one also names type and message, and JavaScript's first."""
    lines = lines_of(stack)
    error.stack_trace = error.stack_trace or lines or None
    if lines and lines[0].startswith(OF_PYTHON):
        _name(error, lines[-1])
    elif is_of_javascript(lines):
        _name(error, lines[0])


def is_of_javascript(stack: Any) -> bool:
    """Tell whether this is a stack by its look; only its first frame counts."""
    lines = lines_of(stack) if isinstance(stack, str | list) else []
    return any(line.startswith(FRAME_OF_JAVASCRIPT) for line in lines[1:2])


def lines_of(stack: str | list[Any]) -> list[str]:
    """Return the lines of a stack trace, given as a text or a list."""
    if isinstance(stack, str):
        return stack.strip("\r\n").splitlines()
    return [line if isinstance(line, str) else json.encode(line).decode() for line in stack]


def _name(error: EntryError, line: str) -> None:
    name, _, message = line.partition(": ")
    error.type, error.message = error.type or name, error.message or message or None
