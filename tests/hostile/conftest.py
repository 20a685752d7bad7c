"""The two ways in, once a session, and what every hostile test ends with: the servers are well and others are served.

They have a database of their own: what is attacked must neither see nor leave rows of other tests.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest

from ingest.spool.payload import unpack
from tests.hostile import nginx
from tests.hostile.site import Site, batch, running_site


@pytest.fixture(scope="session")
def _database() -> Iterator[dict[str, str]]:
    """Make an empty database beside the tests' own; return the environment that names it."""
    name = f"hostile_{os.getpid()}"
    server = os.environ["DATABASE_URL"]
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    yield {
        "DATABASE_URL": urlsplit(server)._replace(path=f"/{name}").geturl(),
        "VALKEY_KEY_PREFIX": f"ll:{name}:",
        "DJANGO_SETTINGS_MODULE": "luminalog.settings",
    }
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@pytest.fixture(scope="session")
def _keys(_database: dict[str, str]) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.hostile.provision"]
    done = subprocess.run(command, env=os.environ | _database, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    made: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return made


@pytest.fixture(scope="session", params=["direct", "nginx"])
def site(
    request: pytest.FixtureRequest,
    _database: dict[str, str],
    _keys: dict[str, Any],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Site]:
    """A way in to running servers, with the keys of an organisation of its own."""
    name: str = request.param
    if name == "nginx" and nginx.program() is None:
        pytest.skip("NGINX IS MISSING: hostile input was not tried behind it (apt-get install nginx-light)")
    folder = tmp_path_factory.mktemp("hostile") / name
    with running_site(folder, servers=_database, behind_nginx=name == "nginx", **_keys[name]) as running:
        yield running


@pytest.fixture(autouse=True)
def _others_are_served(site: Site) -> Iterator[None]:
    before = site.printed()
    yield
    answer = site.post(batch("afterwards"))
    assert answer.status_code == 200, answer.text
    assert site.complaints(since=before) == []


@pytest.fixture(scope="module")
def kept(site: Site, _database: dict[str, str]) -> Callable[[], list[bytes]]:
    """Return a function that returns the lines in the spool of the site's organisation, which begins empty."""
    with psycopg.connect(_database["DATABASE_URL"]) as connection:
        connection.execute("DELETE FROM ingest_spooledbatch")

    def lines() -> list[bytes]:
        with psycopg.connect(_database["DATABASE_URL"]) as connection:
            rows = connection.execute(
                "SELECT payload FROM ingest_spooledbatch WHERE organisation_id = %s ORDER BY batch_id",
                [site.organisation_id],
            )
            return [line for (payload,) in rows for line in unpack(payload)]

    return lines
