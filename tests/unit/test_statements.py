"""Long SQL lives in files, with words; what is run is the same without them."""

import re
from pathlib import Path

import pytest

from foundation import statements
from ingest.models import MOST_DEFERRED_SLOTS, SLOT_SECONDS
from ingest.spool import claims, group_commit
from quotas import notices

PROJECT = Path(__file__).resolve().parents[2]
FILES = [path for path in PROJECT.glob("*/**/*.sql") if path.relative_to(PROJECT).parts[0] not in {"tests", ".venv"}]


@pytest.mark.parametrize("statement", [claims.CLAIM_GROUP, notices.DUE, group_commit.KEEP_WHAT_IS_FREE])
def test_statement_has_neither_words_nor_gaps(statement: str) -> None:
    assert "--" not in statement
    assert not re.search(r"\{\w*\}", statement)


def test_constants_are_in_their_places() -> None:
    assert f"FROM hop LIMIT {claims.MOST_HOPS}" in claims.CLAIM_GROUP
    assert f"/ {SLOT_SECONDS} AS slot" in claims.CLAIM_GROUP
    assert f"slot + {MOST_DEFERRED_SLOTS} FROM present" in claims.CLAIM_GROUP


def test_constant_that_is_not_given_is_missed(tmp_path: Path) -> None:
    (tmp_path / "take.sql").write_text("-- words\nSELECT {one}")
    assert statements.read(str(tmp_path / "there.py"), "take", one=1) == "SELECT 1"
    with pytest.raises(KeyError):
        statements.read(str(tmp_path / "there.py"), "take")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_words_stand_before_the_statement_and_before_each_of_its_parts(path: Path) -> None:
    lines = path.read_text().splitlines()
    assert lines[0].startswith("-- ")
    parts = [number for number, line in enumerate(lines) if re.match(r"\w+ AS (MATERIALIZED )?\($", line)]
    assert parts or not any(line.startswith("WITH") for line in lines)
    assert [lines[number] for number in parts if not lines[number - 1].startswith("--")] == []


def test_image_holds_the_statements() -> None:
    ignored = (PROJECT / ".dockerignore").read_text().split()
    assert FILES
    assert not [line for line in ignored if line.endswith("sql") or line in {path.parts[-2] for path in FILES}]
    assert "COPY . ." in (PROJECT / "Dockerfile").read_text()
