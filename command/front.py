"""The door of the command: from the words that were typed to what runs them."""

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches

from django.apps import apps
from django.core.management import ManagementUtility, get_commands

from command import catalogue, completion, sending
from command.modules import PROGRAM, pretend, run_module
from command.overview import overview, table
from embedded import environment, runner
from foundation import starting
from foundation.command_line import NO_ANSWER, NOT_UNDERSTOOD

HELP = ("-h", "--help")
#: What this room and the runner do without Django.
OURS: Mapping[str, Callable[[Sequence[str]], int]] = {
    "up": runner.main,
    "send": sending.main,
    "completion": completion.main,
}


def main(arguments: Sequence[str]) -> int:
    """Run the command that `arguments` name; return its exit status."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "luminalog.settings")
    if os.environ.get("NO_COLOR") or os.environ.get("TERM", "dumb") in ("", "dumb"):
        os.environ["DJANGO_COLORS"] = "nocolor"
    words = list(arguments[1:])
    if words[:1] == ["help"]:
        words = [*words[1:], "--help"]
    if not words or words[0] in HELP:
        print(overview())
        return 0
    known = catalogue.found(words)
    if known and known.module is None:
        return OURS[known.name](words[1:])
    if known is None and (group := catalogue.below(words[0])):
        return _group(group, words)
    return _django(known, words)


def _django(known: catalogue.Command | None, words: Sequence[str]) -> int:
    environment.adopt()
    asks_help, knows_where = any(word in HELP for word in words), "DATABASE_URL" in os.environ
    if asks_help or not knows_where:
        pretend()
    if not apps.ready:
        starting.set_up()
    if known is None and words[0] not in get_commands():
        return _say(_unknown(words[0]), NOT_UNDERSTOOD)
    if not (asks_help or knows_where):
        return _say("No LuminaLog runs here (`make run` starts one), and DATABASE_URL names no other.", NO_ANSWER)
    if known and known.module:
        run_module(known.module, called=known.name, arguments=words[len(known.words) :])
    else:
        ManagementUtility([PROGRAM, *words]).execute()
    return 0


def _group(group: Sequence[catalogue.Command], words: Sequence[str]) -> int:
    """Tell which commands begin with that word."""
    asked = words[1:2] and words[1] in HELP
    text = f"usage: luminalog {words[0]} COMMAND [OPTION…]\n\n{table(group)}"
    print(text, file=sys.stdout if asked else sys.stderr)
    return 0 if asked else NOT_UNDERSTOOD


def _unknown(word: str) -> str:
    firsts = dict.fromkeys(one.words[0] for one in catalogue.commands())
    meant = get_close_matches(word, firsts, n=1)
    hint = f"Did you mean `{meant[0]}`?" if meant else "`luminalog --help` lists them."
    return f"There is no command `{word}`. {hint}"


def _say(why: str, status: int) -> int:
    print(f"luminalog: {why}", file=sys.stderr)
    return status
