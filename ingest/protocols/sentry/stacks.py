"""Exceptions and frames of Sentry's → lines of a stack, as languages print them: so they are grouped alike. Pure."""

from typing import Any

from msgspec import Struct

from ingest.fitting import clipped

#: Of a stack the innermost so many frames, of a line, and of source, so much.
MOST_FRAMES, MOST_OF_A_LINE, MOST_OF_SOURCE = 250, 1_000, 200
UNKNOWN = "<unknown>"
#: What an issue takes as word that a frame is a library's.
EXTERNAL = " [external]"


class Frame(Struct, gc=False):
    """What is kept of a frame, as it came: not what stands around its line, nor its variables."""

    function: Any = None
    module: Any = None
    filename: Any = None
    abs_path: Any = None
    lineno: Any = None
    colno: Any = None
    context_line: Any = None
    in_app: Any = None
    platform: Any = None


class Stack(Struct, gc=False):
    """Frames, the innermost last."""

    frames: list[Frame] | None = None


class Thrown(Struct, gc=False):
    """An exception."""

    type: Any = None
    value: Any = None
    module: Any = None
    mechanism: Any = None
    stacktrace: Stack | None = None


class Exceptions(Struct, gc=False):
    """The chain, the one that was thrown last."""

    values: list[Thrown] | None = None


def values_of(value: Any) -> list[dict[str, Any]]:
    """Return the objects of `{"values": […]}`, of a bare list, or the one object that it is."""
    if isinstance(value, dict):
        value = value.get("values", [value])
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def exceptions_of(value: Any) -> list[Thrown]:
    """Return the exceptions of an event that has been read by its types, or as it came."""
    if isinstance(value, Exceptions):
        return value.values or []
    return [
        Thrown(
            one.get("type"), one.get("value"), one.get("module"), one.get("mechanism"), stack_of(one.get("stacktrace"))
        )
        for one in values_of(value)
    ]


def stack_of(value: Any) -> Stack | None:
    """Return a stack that came as an object."""
    frames = value.get("frames") if isinstance(value, dict) else None
    known = [one for one in frames if isinstance(one, dict)][-MOST_FRAMES:] if isinstance(frames, list) else []
    return Stack([Frame(*map(one.get, Frame.__struct_fields__)) for one in known]) if known else None


def lines_of(stack: Stack | None, *, platform: str) -> list[str]:
    """Return the lines of a stack: a line a frame, below it its source. Python's end with the innermost frame."""
    frames = ((stack.frames if stack else None) or [])[-MOST_FRAMES:]
    lines: list[str] = []
    for frame in frames if platform == "python" else reversed(frames):
        kind = frame.platform or platform
        line = _python(frame) if kind == "python" else _java(frame) if kind == "java" else _at(frame)
        line = line if len(line) <= MOST_OF_A_LINE and "\n" not in line else _one_line(line, MOST_OF_A_LINE)
        lines.append(line + EXTERNAL if frame.in_app is False else line)
        source = frame.context_line
        if source.__class__ is str and (bare := source.strip()):
            lines.append("    " + (bare if len(bare) <= MOST_OF_SOURCE else _one_line(bare, MOST_OF_SOURCE)))
    return lines


def _python(frame: Frame) -> str:
    path = frame.abs_path or frame.filename or frame.module or UNKNOWN
    return f'  File "{path}", line {_number(frame.lineno) or 0}, in {frame.function or UNKNOWN}'


def _java(frame: Frame) -> str:
    named = ".".join(str(part) for part in (frame.module, frame.function) if part)
    number = _number(frame.lineno)
    return f"    at {named}({frame.filename or 'Unknown Source'}{f':{number}' if number else ''})"


def _at(frame: Frame) -> str:
    place = str(frame.abs_path or frame.filename or frame.module or UNKNOWN)
    for number in (_number(frame.lineno), _number(frame.colno)):
        if number:
            place = f"{place}:{number}"
    return f"    at {frame.function} ({place})" if frame.function else f"    at {place}"


def _number(value: Any) -> int | None:
    return value if value.__class__ is int and 0 < value < 2**31 else None


def _one_line(line: str, most_bytes: int) -> str:
    return clipped(line.replace("\n", " "), most_bytes)
