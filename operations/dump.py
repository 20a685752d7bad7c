"""Backups with PostgreSQL's own pg_dump and pg_restore: those of the wheel, which any installation has."""

import os
import subprocess
from pathlib import Path

from django.conf import settings
from django.db import connection

from embedded.postgres import program
from storage.wall import ROLE as READER

#: Objects go to whoever restores; what may be read through the wall stays as it was.
OPTIONS = ("--no-owner", "--exit-on-error", "--single-transaction")
MAKE_READER = f"""
DO $$
BEGIN
    CREATE ROLE {READER} NOLOGIN;
EXCEPTION
    WHEN duplicate_object THEN NULL;
END
$$
"""


class DumpError(Exception):
    """A backup or a restore failed; the message is what the program said."""


def back_up(path: Path) -> int:
    """Write the whole database, as of now, to `path` (mode 0600); return its size. Raises: `DumpError`."""
    draft = path.with_name(path.name + ".part")
    os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600))
    try:
        _run("pg_dump", "--format=custom", "--no-owner", f"--file={draft}")
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    return path.stat().st_size


def restore(path: Path) -> None:
    """Fill the empty database from `path`: whole or not at all. Raises: `DumpError`."""
    if connection.introspection.table_names():
        raise DumpError("This database is not empty. Restore into an empty one: nothing is ever overwritten.")
    with connection.cursor() as cursor:
        cursor.execute(MAKE_READER)
    _run("pg_restore", *OPTIONS, f"--dbname={settings.DATABASES['default']['NAME']}", str(path))


def _run(name: str, *arguments: str) -> None:
    """Run a program against our database; its password is in the environment, where other users do not see it."""
    database = settings.DATABASES["default"]
    names = {"PGHOST": "HOST", "PGPORT": "PORT", "PGUSER": "USER", "PGPASSWORD": "PASSWORD", "PGDATABASE": "NAME"}
    ours = {variable: str(database[name]) for variable, name in names.items() if database[name]}
    done = subprocess.run(  # noqa: S603 - our own command
        [program(name), *arguments], env=os.environ | ours, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise DumpError(f"{name}: {done.stderr.strip()}")
