"""A PostgreSQL whose superuser is somebody else: with the right to make roles, and without."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from embedded.postgres import EmbeddedPostgres
from storage.wall import State
from tests.processes import PROJECT
from tests.waiting import DEADLINE_SECONDS

PASSWORD = "not-a-secret"
VIEWS = """
SELECT relname, has_table_privilege('luminalog_reader', oid, 'SELECT')
  FROM pg_class WHERE relkind = 'v' AND relname LIKE ANY ('{assist%,issues%,storage%}')
"""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    postgres = EmbeddedPostgres(Path(tmp_path_factory.mktemp("managed")) / "postgres")
    postgres.start()
    yield postgres
    postgres.stop()


@pytest.fixture
def database(cluster: EmbeddedPostgres, request: pytest.FixtureRequest) -> Iterator[str]:
    """The address of an empty database, as a user who owns it and has the rights that the test names."""
    as_superuser(cluster, f"CREATE ROLE product LOGIN {request.param} PASSWORD '{PASSWORD}'")
    as_superuser(cluster, "CREATE DATABASE product OWNER product")
    there = urlsplit(cluster.url)
    yield f"postgresql://product:{PASSWORD}@{there.hostname}:{there.port}/product"
    as_superuser(cluster, "DROP DATABASE product WITH (FORCE)")
    for role in ("luminalog_web", "luminalog_worker", "luminalog_owner", "luminalog_reader", "product"):
        as_superuser(cluster, f"DROP ROLE IF EXISTS {role}")


def as_superuser(cluster: EmbeddedPostgres, sql: str, *, database: str = "luminalog") -> None:
    with psycopg.connect(urlsplit(cluster.url)._replace(path=f"/{database}").geturl(), autocommit=True) as connected:
        connected.execute(sql.encode())


def manage(address: str, *arguments: str) -> str:
    command = [sys.executable, "manage.py", *arguments]
    environment = os.environ | {"DATABASE_URL": address}
    done = subprocess.run(
        command, cwd=PROJECT, env=environment, capture_output=True, text=True, timeout=10 * DEADLINE_SECONDS
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def state(address: str) -> str:
    return manage(address, "shell", "--no-imports", "-c", "from storage import wall; print(wall.state())").strip()


@pytest.mark.parametrize("database", ["CREATEROLE"], indirect=True)
def test_user_who_may_make_roles_gets_the_wall_and_the_roles(database: str) -> None:
    manage(database, "migrate", "--verbosity", "0")
    assert state(database) == State.STANDS
    manage(database, "database_roles", "--apply")
    manage(database, "database_roles", "--apply")
    assert state(database) == State.STANDS
    manage(database, "partitions", "--make")


@pytest.mark.parametrize("database", ["NOCREATEROLE"], indirect=True)
def test_without_that_right_an_administrator_raises_the_wall(cluster: EmbeddedPostgres, database: str) -> None:
    manage(database, "migrate", "--verbosity", "0")
    assert state(database) == State.NO_ROLE
    documented = (
        (PROJECT / "docs" / "security.md").read_text().partition("for `luminalog`:\n")[2].partition("\n`storage")[0]
    )
    as_superuser(cluster, documented.replace("TO luminalog;", "TO product;"), database="product")
    assert state(database) == State.STANDS
    with psycopg.connect(database) as connected:
        views = connected.execute(VIEWS).fetchall()
    assert {name.partition("_")[0] for name, _ in views} == {"assist", "issues", "storage"}
    assert all(may_read for _, may_read in views)
