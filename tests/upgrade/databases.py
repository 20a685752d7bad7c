"""Databases of their own on the tests' server, and `manage.py` on each of them."""

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

from embedded.postgres import program

PROJECT = Path(__file__).resolve().parent.parent.parent
TIMEOUT_SECONDS = 600
TABLES = """
SELECT relname FROM pg_class
 WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition ORDER BY 1
"""


@dataclass(frozen=True)
class Database:
    """A database, by its address."""

    url: str

    def manage(self, *arguments: str) -> str:
        """Run `manage.py` of today's code on it; return what it printed."""
        return self.python("manage.py", *arguments)

    def shell(self, code: str) -> Any:
        """Run Python with Django set up for it; return what its last line printed as JSON."""
        return json.loads(self.manage("shell", "--no-imports", "-c", code).splitlines()[-1])

    def python(self, *arguments: str) -> str:
        """Run Python in a process of its own, with this database."""
        environment = os.environ | {"DATABASE_URL": self.url}
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=PROJECT, env=environment, capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    def execute(self, script: str) -> None:
        """Run SQL on a connection of its own: a dump sets the search path of its session."""
        with psycopg.connect(self.url) as connection:
            connection.execute(script.encode())

    def rows(self) -> dict[str, list[str]]:
        """Return the rows of every table as JSON, sorted; without the order of columns, which may differ."""
        with psycopg.connect(self.url) as connection:
            tables = [name for (name,) in connection.execute(TABLES).fetchall()]
            return {
                name: sorted(
                    text
                    for (text,) in connection.execute(
                        sql.SQL("SELECT to_jsonb(one)::text FROM {} AS one").format(sql.Identifier(name))
                    )
                )
                for name in tables
            }

    def definition(self) -> str:
        """Return the SQL that makes its tables, rules and rights; the days' partitions belong to the data."""
        days = [f"--exclude-table=storage_{table}_2*" for table in ("logentry", "entry")]
        command = [program("pg_dump"), "--schema-only", "--no-owner", *days, self.url]
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=True)
        return "\n".join(line for line in done.stdout.splitlines() if not line.startswith(("--", "\\")))

    def schema(self) -> list[list[str]]:
        """Return the statements of its definition, sorted, each with its lines sorted: columns may be in any order.

        Restored once more: PostgreSQL writes some conditions differently when it reads what it wrote.
        """
        with new_database() as copy:
            copy.execute(self.definition())
            text = copy.definition()
        statements = filter(None, (statement.strip() for statement in text.split("\n\n")))
        return sorted(sorted(line.rstrip(",") for line in statement.splitlines()) for statement in statements)


@contextmanager
def new_database(*, like: Database | None = None) -> Iterator[Database]:
    """Make a database beside that of the tests, empty or a copy of another one, and drop it afterwards."""
    there = urlsplit(os.environ["DATABASE_URL"])
    name = f"upgrade_{uuid.uuid4().hex}"
    template = urlsplit(like.url).path[1:] if like else "template0"
    make = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as server:
        server.execute(make)
        try:
            yield Database(urlunsplit(there._replace(path=f"/{name}")))
        finally:
            server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
