"""What a process has loaded when it starts is looked through for garbage neither then nor when it ends."""

import json
import subprocess
import sys

from tests.processes import PROJECT
from tests.waiting import DEADLINE_SECONDS

LOOK = "import gc, json; print(json.dumps([gc.get_freeze_count(), gc.get_stats()[2]['collections'], gc.isenabled()]))"


def test_garbage_is_looked_for_among_what_a_command_makes_and_nothing_else() -> None:
    command = [sys.executable, "manage.py", "shell", "--no-imports", "-c", LOOK]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, check=True, timeout=DEADLINE_SECONDS)
    frozen, whole_looks, is_enabled = json.loads(done.stdout)
    assert frozen > 50_000
    assert whole_looks == 0
    assert is_enabled
