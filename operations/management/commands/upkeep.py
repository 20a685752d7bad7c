"""`bin/luminalog upkeep`: worker and beat in one process, without a broker."""

from argparse import ArgumentParser

from django.core.management.base import BaseCommand

from foundation.stopping import run_until_stopped
from operations import upkeep


class Command(BaseCommand):
    help = "Do all that workers do, once: drain, partitions, retention, counts, notices. For cron, or without a broker."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--loop", action="store_true", help="go on until stopped, each task whenever it is due")

    def handle(self, *, loop: bool, **_options: object) -> None:
        if loop:
            run_until_stopped(upkeep.run_for_ever)
        else:
            upkeep.run_once()
