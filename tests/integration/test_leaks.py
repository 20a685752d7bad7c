"""The search for keys at the end of a run finds what was written to a table, and to Valkey, even if it was removed."""

import os
import re
import secrets
from pathlib import Path

import psycopg

from foundation import valkey
from tests.leaks import KEY, dump, leaks
from tests.stack import FOLDER
from tests.waiting import wait_until

MARK = re.compile(rb"mark_[0-9a-f]{48}")


def test_what_was_written_is_found_even_when_it_was_removed() -> None:
    wait_until(marks_are_found, what="marks that were removed")


def marks_are_found() -> bool:
    """Write marks and remove them; tell whether they are found, as they are unless a checkpoint comes between."""
    in_table, in_valkey = (f"mark_{secrets.token_hex(24)}" for _ in range(2))
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as database:
        database.execute("CREATE TABLE IF NOT EXISTS scratch (text text)")
        database.execute("INSERT INTO scratch VALUES (%s)", [in_table])
        assert in_table.encode() in dump(os.environ["DATABASE_URL"])
        database.execute("DROP TABLE scratch")
    valkey.client().set("scratch", in_valkey)
    valkey.client().delete("scratch")
    found = {mark for marks in leaks([Path(os.environ[FOLDER])], pattern=MARK).values() for mark in marks}
    return {in_table, in_valkey} <= found


def test_key_is_told_from_what_only_looks_like_one(tmp_path: Path) -> None:
    key = f"ll_{secrets.token_hex(24)}"
    (tmp_path / "log").write_text(f"{key[:-1]} ll_{'0' * 48} {key}")
    assert leaks([tmp_path], pattern=KEY) == {str(tmp_path / "log"): [key]}
