"""Django's modules behind our words: called by them in their usage, without the options that nobody needs."""

import os
from argparse import SUPPRESS, ArgumentParser
from collections.abc import Callable, Sequence
from functools import partial

from django.core.management import BaseCommand, get_commands, load_command_class

from foundation.command_line import TRACEBACK

PROGRAM = "luminalog"
#: They are understood all the same.
UNMENTIONED = {
    "version", "verbosity", "settings", "pythonpath", "traceback", "no_color", "force_color", "skip_checks",
}  # fmt: skip
#: Enough for settings that are only asked what there is: nothing is connected to.
PLACEHOLDERS = {"SECRET_KEY": "help", "DATABASE_URL": "postgresql://help/help", "VALKEY_URL": "redis://help"}


def pretend() -> None:
    """Let the settings load where nothing is set up, for whoever only asks for help."""
    for name, value in PLACEHOLDERS.items():
        os.environ.setdefault(name, value)


def run_module(module: str, *, called: str, arguments: Sequence[str]) -> None:
    """Run a module of Django's. Raises: what it raises, `CommandError` too, and `SystemExit`."""
    _load(module).run_from_argv([PROGRAM, called, TRACEBACK, *arguments])


def parser_of(module: str, *, called: str) -> ArgumentParser:
    """Return the parser of a module's arguments."""
    return _load(module).create_parser(PROGRAM, called)


def _load(module: str) -> BaseCommand:
    command = load_command_class(get_commands()[module], module)
    vars(command)["create_parser"] = partial(_plain_parser, command.create_parser)
    return command


def _plain_parser(create: Callable[..., ArgumentParser], program: str, called: str) -> ArgumentParser:
    parser = create(program, called)
    for action in parser._actions:
        if action.dest in UNMENTIONED:
            action.help = SUPPRESS
    return parser
