"""The six severity levels, in the order debug < info < warn < error < fatal < panic."""

from enum import IntEnum
from typing import Literal

LevelName = Literal["debug", "info", "warn", "error", "fatal", "panic"]


class Level(IntEnum):
    """A level as the database keeps it; gaps leave room for levels between."""

    DEBUG = 10
    INFO = 20
    WARN = 30
    ERROR = 40
    FATAL = 50
    PANIC = 60

    @property
    def label(self) -> str:
        """The name used on the wire."""
        return self.name.lower()


BY_NAME: dict[str, Level] = {level.label: level for level in Level}
