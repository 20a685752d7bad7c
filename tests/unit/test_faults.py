"""Fault points: exactly the documented ones exist, and they do nothing unless a test arms them."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from foundation import faults
from tests.effort import cpu_seconds
from tests.processes import PROJECT
from tests.waiting import DEADLINE_SECONDS

ROOMS = ("accounts", "alerts", "explore", "ingest", "luminalog", "quotas", "storage", "assist", "archive", "edges")
REACH = "from foundation.faults import reach; [reach('in_copy') for _ in range(5)]; print('alive')"


def run(tmp_path: Path, plan: str, code: str = REACH, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run `code` in a process with `plan` armed."""
    armed = {
        "LUMINALOG_FAULTS": plan,
        "LUMINALOG_FAULTS_RECORD": str(tmp_path / "record"),
        "LUMINALOG_DEVELOPMENT": "1",
    }
    return subprocess.run(
        [sys.executable, "-c", code], env=os.environ | armed | environment, capture_output=True, text=True, cwd=PROJECT,
        timeout=DEADLINE_SECONDS, check=False,
    )  # fmt: skip


def record(tmp_path: Path) -> list[str]:
    path = tmp_path / "record"
    return path.read_text().splitlines() if path.exists() else []


def test_each_documented_point_is_in_the_product_once_or_more_and_no_other_is() -> None:
    sources = [path.read_text() for room in ROOMS for path in (PROJECT / room).rglob("*.py")]
    reached = {name for source in sources for name in re.findall(r'\breach\("(\w+)"\)', source)}
    assert reached == faults.POINTS.keys()


def test_the_documentation_lists_each_point_in_the_same_words() -> None:
    documented = re.findall(r"^\| `(\w+)` \| (.+) \|$", (PROJECT / "docs" / "reliability.md").read_text(), re.MULTILINE)
    assert {name: when.replace("`", "") for name, when in documented if name in faults.POINTS} == faults.POINTS


def test_a_point_that_is_not_armed_costs_next_to_nothing() -> None:
    def do_nothing(_name: str) -> None:
        return

    def often(call: Callable[[str], None]) -> None:
        for _ in range(10_000):
            call("in_copy")

    nothing = cpu_seconds(lambda: often(do_nothing), times=20)
    assert cpu_seconds(lambda: often(faults.reach), times=20) < 8 * nothing


def test_kill_happens_as_often_as_planned_across_restarts(tmp_path: Path) -> None:
    ends = [run(tmp_path, "in_copy=kill:n2").returncode for _ in range(3)]
    assert ends == [-signal.SIGKILL, -signal.SIGKILL, 0]
    assert record(tmp_path) == ["in_copy=kill"] * 2


def test_stop_halts_the_process_and_lets_it_go_on(tmp_path: Path) -> None:
    code = "import time; from foundation.faults import reach; a = time.time(); reach('in_copy'); print(time.time() - a)"
    assert float(run(tmp_path, "in_copy=stop:0.5", code).stdout) > 0.4


@pytest.mark.parametrize(("action", "error"), [("raise", "OperationalError"), ("bug", "InjectedError")])
def test_raise_is_an_outage_and_bug_is_not(tmp_path: Path, action: str, error: str) -> None:
    assert error in run(tmp_path, f"in_copy={action}").stderr


def test_other_points_do_nothing(tmp_path: Path) -> None:
    assert run(tmp_path, "before_commit=kill, in_copy=kill:p0").stdout == "alive\n"
    assert record(tmp_path) == []


@pytest.mark.parametrize("plan", ["nowhere=kill", "in_copy=explode", "in_copy", "in_copy=kill:often"])
def test_a_plan_that_cannot_be_read_is_refused_at_once(plan: str) -> None:
    with pytest.raises(ValueError, match="LUMINALOG_FAULTS"):
        faults.read_rules(plan)


def test_faults_are_refused_outside_development_and_without_a_record(tmp_path: Path) -> None:
    assert "needs LUMINALOG_DEVELOPMENT=1" in run(tmp_path, "in_copy=kill", LUMINALOG_DEVELOPMENT="").stderr
    assert "needs LUMINALOG_FAULTS_RECORD" in run(tmp_path, "in_copy=kill", LUMINALOG_FAULTS_RECORD="").stderr
