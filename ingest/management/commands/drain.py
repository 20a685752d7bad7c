"""`bin/luminalog drain`: the worker's job without a broker."""

import json
import time
from argparse import ArgumentParser
from functools import partial
from typing import Any

import structlog
from django.core.management.base import BaseCommand
from django.db import InterfaceError, OperationalError, connection

from foundation.arguments import within
from foundation.stopping import run_until_stopped
from ingest.spool.drain import drain
from storage.errors import Unavailable

log = structlog.get_logger(__name__)


class Command(BaseCommand):
    help = "Move what is in the spool into the log store."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--loop", action="store_true", help="go on until stopped, with a look every --pause seconds"
        )
        parser.add_argument(
            "--pause", type=within(0, 3600, kind=float), default=0.5, help="seconds between two looks (%(default)s)"
        )
        parser.add_argument("--json", action="store_true", help="answer in JSON")

    def handle(self, *_arguments: Any, **options: Any) -> None:
        if not options["loop"]:
            drained = drain()
            self.stdout.write(json.dumps({"batches": drained}) if options["json"] else f"{drained} batches drained")
            return
        run_until_stopped(partial(_drain_for_ever, pause_seconds=options["pause"]))


def _drain_for_ever(*, pause_seconds: float) -> None:
    while True:
        _drain_or_wait()
        time.sleep(pause_seconds)


def _drain_or_wait() -> None:
    try:
        drain()
    except (OperationalError, InterfaceError, Unavailable) as error:
        log.warning("storage_unavailable", error=type(error).__name__)
        connection.close()
        time.sleep(2)
