#!/usr/bin/env python
"""Django's command line for LuminaLog."""

import os
import sys

from django.core.management import execute_from_command_line

from embedded import environment, runner

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "luminalog.settings")
    if sys.argv[1:2] == ["up"]:  # makes the addresses that the settings ask for
        sys.exit(runner.main(sys.argv[2:]))
    environment.adopt()
    execute_from_command_line(sys.argv)
