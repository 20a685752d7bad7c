"""What `luminalog --help` says: every command in its section, for terminals of any width."""

import shutil
from collections.abc import Iterable
from textwrap import wrap

from command.catalogue import SECTIONS, Command

USAGE = "luminalog COMMAND [OPTION…]"
END = (
    "`luminalog COMMAND --help` tells of one. Many take --json. "
    "Exit status: 0 done, 1 not done or something is wrong, 2 not understood, 3 what it needs does not answer."
)
NARROWEST, WIDEST = 20, 100


def overview() -> str:
    """Return the help of the whole command."""
    parts = [f"usage: {USAGE}\n"]
    for section, commands in SECTIONS.items():
        parts.append(f"{section}\n{table(commands)}\n")
    return "\n".join([*parts, *wrap(END, _width())])


def table(commands: Iterable[Command]) -> str:
    """Return a line a command; where the terminal is narrow, what it does stands below its name."""
    names = max(len(one.name) for section in SECTIONS.values() for one in section)
    lines = []
    for one in commands:
        beside = f"  {one.name:<{names}}  {one.summary}"
        if len(beside) <= _width():
            lines.append(beside)
        else:
            lines += [f"  {one.name}", *wrap(one.summary, _width(), initial_indent="    ", subsequent_indent="    ")]
    return "\n".join(lines)


def _width() -> int:
    return min(max(shutil.get_terminal_size().columns, NARROWEST), WIDEST)
