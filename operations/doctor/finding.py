"""What an examination finds."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How bad it is: an error loses, refuses or delays logs, or will within days."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One sentence of what is, and one of what to do. Neither holds a secret."""

    level: Level
    subject: str
    what: str
    do: str = ""


def ok(subject: str, what: str) -> Finding:
    """Return a finding that all is well."""
    return Finding(level=Level.OK, subject=subject, what=what)


def warning(subject: str, what: str, do: str) -> Finding:
    """Return a finding that somebody should look at."""
    return Finding(level=Level.WARNING, subject=subject, what=what, do=do)


def error(subject: str, what: str, do: str) -> Finding:
    """Return a finding that somebody must look at."""
    return Finding(level=Level.ERROR, subject=subject, what=what, do=do)
