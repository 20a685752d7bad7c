"""A backup of a running product is restored into an empty server: nothing is lost, and no key was in it."""

import json
import os
import re
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from embedded.postgres import EmbeddedPostgres, program
from tests.acceptance.product import Product
from tests.processes import PROJECT
from tests.waiting import DEADLINE_SECONDS

pytestmark = pytest.mark.acceptance
KEY = re.compile(rb"ll_[0-9a-f]{48}")
PAGE = PROJECT / "docs" / "operations.md"


@pytest.fixture
def another_server(tmp_path: Path) -> Iterator[EmbeddedPostgres]:
    """An empty PostgreSQL on its own."""
    server = EmbeddedPostgres(tmp_path / "elsewhere")
    server.start()
    yield server
    server.stop()


def commands(heading: str) -> list[str]:
    """Return the commands that docs/operations.md gives below a heading."""
    section = re.split(rf"^### {heading}$", PAGE.read_text(), flags=re.MULTILINE)[1]
    section = re.split(r"^#+ ", section, flags=re.MULTILINE)[0]
    return re.findall(r"^    (.+)$", section, re.MULTILINE)


def run(command: str, *, environment: dict[str, str]) -> None:
    done = subprocess.run(
        command, shell=True, cwd=PROJECT, env=environment, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, f"{command}\n{done.stderr}"


def test_dump_of_a_running_product_is_restored_as_documented(
    product: Product, another_server: EmbeddedPostgres, tmp_path: Path
) -> None:
    entries = [
        {
            "timestamp": "2026-01-26T14:30:00Z",
            "level": "warn",
            "message": f"kept in the backup {n}",
            "metadata": {"n": n},
        }
        for n in range(50)
    ]
    assert product.post({"logs": entries}).status_code == 200
    product.wait_until_stored(50, "message LIKE 'kept in the backup%%'")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    ours = product.environment | {"PATH": path, "BACKUP": str(tmp_path / "luminalog.dump")}

    for command in commands("Back up"):
        run(command, environment=ours)
    elsewhere = ours | published(product) | {"DATABASE_URL": another_server.url}
    for command in commands("Restore"):
        run(command, environment=elsewhere)

    assert manage("verify_ledger", "--json", environment=elsewhere)["clean"] is True
    found = manage(
        "search",
        "backup",
        "--organisation",
        "first",
        "--from",
        "300w",
        "--json",
        "--limit",
        "100",
        environment=elsewhere,
    )
    assert len(found["lines"]) == 50
    again = subprocess.run(
        [sys.executable, "manage.py", "restore", ours["BACKUP"]], env=elsewhere, cwd=PROJECT, capture_output=True
    )
    assert b"This database is not empty" in again.stderr
    assert stat.S_IMODE(Path(ours["BACKUP"]).stat().st_mode) == 0o600
    with psycopg.connect(another_server.url) as restored:
        assert restored.execute("SELECT count(*) FROM accounts_apikey").fetchone() == (1,)
    dumped = subprocess.run(
        [program("pg_restore"), "-f", "-", ours["BACKUP"]],
        env=ours,
        capture_output=True,
        check=True,
        timeout=DEADLINE_SECONDS,
    ).stdout
    assert b"kept in the backup 7" in dumped
    assert KEY.findall(dumped) == []


def published(product: Product) -> dict[str, str]:
    lines = (product.data_dir / "env").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines)


def manage(*command: str, environment: dict[str, str]) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, str(PROJECT / "manage.py"), *command],
        env=environment, capture_output=True, text=True, timeout=DEADLINE_SECONDS, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr + done.stdout
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return {"lines": lines} | (lines[0] if len(lines) == 1 else {})


def test_copy_of_the_data_folder_is_a_backup(own_product: Product, tmp_path: Path) -> None:
    own_product.prepared().start()
    entry = {"timestamp": "2026-01-26T14:30:00Z", "level": "info", "message": "kept in the copy"}
    assert own_product.post({"logs": [entry]}).status_code == 200
    own_product.stop()
    shutil.copytree(own_product.data_dir, tmp_path / "copy", symlinks=True)

    restored = Product(tmp_path / "copy").start()
    try:
        assert len(restored.wait_until_stored(1, "message = 'kept in the copy'")) == 1
        assert json.loads(restored.manage("verify_ledger", "--json"))["clean"] is True
        assert restored.api_key == json.loads((own_product.data_dir / "credentials.json").read_text())["api_key"]
    finally:
        restored.stop()
