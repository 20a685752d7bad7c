"""Migrate a database in as many processes as our migrations need, each killed before the next one of ours begins."""

import json
import os
from typing import Any

import django

django.setup()

from django.apps import apps  # noqa: E402 - needs Django
from django.db import connection  # noqa: E402
from django.db.migrations.executor import MigrationExecutor  # noqa: E402

OURS = {one.label for one in apps.get_app_configs() if "site-packages" not in one.path}


def main() -> None:
    """Print how many processes were killed."""
    killed = 0
    while migrate_and_die():
        killed += 1
    print(json.dumps(killed))


def migrate_and_die() -> bool:
    """Migrate in a child; tell whether it was killed on its way."""
    connection.close()
    child = os.fork()
    if child == 0:
        migrate()
        os._exit(0)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert status in (0, -9), status
    return status == -9


def migrate() -> None:
    """Migrate until the second migration of ours is about to begin."""
    begun = 0

    def look(action: str, migration: Any = None, fake: bool | None = False, /) -> None:
        nonlocal begun
        if action == "apply_start" and migration.app_label in OURS:
            begun += 1
            if begun == 2:
                os.kill(os.getpid(), 9)

    executor = MigrationExecutor(connection, progress_callback=look)
    executor.migrate(executor.loader.graph.leaf_nodes())


main()
