#!/usr/bin/env python
"""Django's command line for LuminaLog."""

import os
import sys
from collections.abc import Sequence

from django.core.management import execute_from_command_line

from embedded import environment, runner
from foundation import command_line


def main(arguments: Sequence[str]) -> int:
    """Run one command; return its exit status."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "luminalog.settings")
    if arguments[1:2] == ["up"]:  # makes the addresses that the settings ask for
        return runner.main(arguments[2:])
    environment.adopt()
    execute_from_command_line(list(arguments))
    return 0


if __name__ == "__main__":
    sys.exit(command_line.run(main, sys.argv))
