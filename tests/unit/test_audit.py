"""The verdict on the requirements: a finding fails, and what was not audited is said."""

import importlib.util
from pathlib import Path
from typing import Any

import pytest

_spec = importlib.util.spec_from_file_location("audit", Path(__file__).parents[2] / ".ci" / "audit.py")
assert _spec is not None
assert _spec.loader is not None
audit = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(audit)

CLEAN = {"name": "django", "version": "5.2.19", "vulns": []}
UNKNOWN = {"name": "ours", "skip_reason": "not found"}
BAD = {"name": "django", "version": "1.0", "vulns": [{"id": "PYSEC-1", "fix_versions": ["1.1"]}]}


@pytest.mark.parametrize(
    ("dependencies", "code", "said"),
    [
        ([CLEAN], 0, "1 of 1 packages audited, 0 findings"),
        ([CLEAN, UNKNOWN], 0, "1 SKIPPED, NOT AUDITED: ours"),
        ([UNKNOWN], 0, "NOTHING WAS AUDITED"),
        ([BAD, UNKNOWN], 1, "django 1.0: PYSEC-1, fixed in 1.1"),
    ],
)
def test_finding_fails_and_gap_is_said(
    dependencies: list[dict[str, Any]], code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert audit.verdict(dependencies) == code
    assert said in "".join(capsys.readouterr())
