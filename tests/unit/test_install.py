"""The first installation: it says how far it is, and hides nothing when it fails."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / ".ci" / "install.py"
_spec = importlib.util.spec_from_file_location("install", SCRIPT)
assert _spec is not None
assert _spec.loader is not None
install = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(install)

LOCKED = (
    "# make lock\namqp==5.4.2 \\\n    --hash=sha256:93\ntzdata==1 ; sys_platform == 'win32' \\\n    --hash=sha256:e6\n"
)
STARTED = "Looking in links: /wheels\nIgnoring tzdata: markers 'sys_platform' don't match your environment\n"
COLLECTED = (
    f"{STARTED}Requirement already satisfied: vine==5 in /lib\nCollecting amqp==5.4.2\n  Downloading amqp.whl (51 kB)\n"
)


def test_pins_are_counted() -> None:
    assert install.pins(LOCKED) == 2


@pytest.mark.parametrize(
    ("said", "unpacked", "progress"),
    [
        ("", 0, "asking for packages"),
        (STARTED, 0, "asking for packages"),
        (COLLECTED, 0, "getting 2 of 8: amqp"),
        (f"{COLLECTED}Installing collected packages: ply, amqp\n", 0, "unpacking 1 of 2"),
        (f"{COLLECTED}Installing collected packages: ply, amqp\n", 2, "unpacking 2 of 2"),
    ],
)
def test_progress_is_told_from_what_pip_said(said: str, unpacked: int, progress: str) -> None:
    assert install.progress(said, total=9, unpacked=unpacked) == progress


def test_error_of_pip_is_shown_in_full(tmp_path: Path) -> None:
    requirements = tmp_path / "requirements.txt"
    requirements.write_text(f"luminalog-is-no-package==1 --hash=sha256:{'0' * 64}\n")
    done = subprocess.run(
        [sys.executable, str(SCRIPT), str(requirements)],
        env={"PIP_NO_INDEX": "1", "PIP_CONFIG_FILE": "/dev/null"}, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 1
    assert "ERROR: Could not find a version that satisfies the requirement luminalog-is-no-package==1" in done.stderr
