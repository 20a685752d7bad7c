from argparse import ArgumentParser
from pathlib import Path

from django.core.management.base import BaseCommand

from embedded import runner


class Command(BaseCommand):
    help = "Run the whole product on this machine: PostgreSQL, Valkey, web, worker and beat. Data lives in ./var."

    def add_arguments(self, parser: ArgumentParser) -> None:
        runner.add_arguments(parser)

    def handle(self, *, port: int, data_dir: Path, **options: object) -> None:  # noqa: ARG002 - Django's signature
        raise SystemExit(runner.run(port=port, folder=data_dir))
