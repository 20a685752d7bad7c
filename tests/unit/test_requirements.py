"""The locked requirements: the same versions for tests as for production, and nothing of the machine of the lock."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LOCKED = ("requirements.txt", "requirements-mcp.txt", "requirements-clickhouse.txt", "requirements-dev.txt")


def test_tests_run_on_the_versions_of_production() -> None:
    production, mcp, clickhouse, development = (pins((ROOT / name).read_text()) for name in LOCKED)
    assert len(production) > 40
    assert production | mcp | clickhouse <= development


@pytest.mark.parametrize("name", LOCKED)
def test_lock_names_no_index_and_no_folder(name: str) -> None:
    assert re.findall(r"\S*://\S*|(?<=\s)/\S*|--(?!hash=)\S+", (ROOT / name).read_text()) == []


def pins(locked: str) -> set[str]:
    """Return each pin; its markers name systems on which fewer requirements want it."""
    lines = (line for line in locked.splitlines() if "==" in line and not line.startswith(" "))
    return {re.split(r" [;\\]", line)[0] for line in lines}
