"""`luminalog completion`: what a shell needs to complete the command, made from the parsers that read it."""

import argparse
from collections.abc import Sequence

import shtab
from django.apps import apps

from command import catalogue, sending
from command.modules import PROGRAM, parser_of, pretend
from embedded import environment, runner
from foundation import starting

SHELLS = ("bash", "zsh", "fish")
EPILOG = """For the shell at hand:
  bash   source <(bin/luminalog completion bash)
  zsh    source <(bin/luminalog completion zsh)
  fish   bin/luminalog completion fish | source
For good, into the file that your shell reads at its start."""


def main(arguments: Sequence[str]) -> int:
    """Print the completion for a shell; return the exit status."""
    shell = _parser().parse_args(arguments).shell
    environment.adopt()
    pretend()
    if not apps.ready:
        starting.set_up()
    print(shtab.complete(whole(), shell=shell))
    return 0


def whole() -> argparse.ArgumentParser:
    """Return one parser of all that can be typed."""
    root = argparse.ArgumentParser(prog=PROGRAM, add_help=False)
    firsts = root.add_subparsers()
    groups: dict[str, argparse._SubParsersAction[argparse.ArgumentParser]] = {}
    for one in catalogue.commands():
        place = firsts
        if len(one.words) > 1:
            if one.words[0] not in groups:
                group = firsts.add_parser(one.words[0], add_help=False, help="several commands")
                groups[one.words[0]] = group.add_subparsers()
            place = groups[one.words[0]]
        parser = ours(one.name) if one.module is None else parser_of(one.module, called=one.name)
        place.add_parser(one.words[-1], parents=[parser], add_help=False, help=one.summary)
    return root


def ours(name: str) -> argparse.ArgumentParser:
    """Return the parser of a command without a module of Django's."""
    return {"send": sending.parser, "up": runner.parser, "completion": _parser}[name]()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=f"{PROGRAM} completion", description="Print the completion for a shell.", epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("shell", choices=SHELLS)
    return parser
