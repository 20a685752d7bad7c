"""What an examination finds."""

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How bad it is: an error loses, refuses or delays logs, or will within days."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One sentence of what is, and one of what to do. Neither holds a secret."""

    level: Severity
    subject: str
    what: str
    do: str = ""


def ok(subject: str, what: str) -> Finding:
    """Return a finding that all is well."""
    return Finding(level=Severity.OK, subject=subject, what=what)


def warning(subject: str, what: str, do: str) -> Finding:
    """Return a finding that somebody should look at."""
    return Finding(level=Severity.WARNING, subject=subject, what=what, do=do)


def error(subject: str, what: str, do: str) -> Finding:
    """Return a finding that somebody must look at."""
    return Finding(level=Severity.ERROR, subject=subject, what=what, do=do)
