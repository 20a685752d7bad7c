#!/usr/bin/env python
"""Where Python finds the project: `bin/luminalog` starts it."""

import sys

from command.front import main
from foundation import command_line

if __name__ == "__main__":
    sys.exit(command_line.run(main, sys.argv))
