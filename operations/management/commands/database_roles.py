"""Print, or run, the SQL that gives each process a database role of its own."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from operations import grants


class Command(BaseCommand):
    help = "Print the SQL for least-privilege database roles (docs/security.md); with --apply, run it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--apply", action="store_true", help="run it, all or nothing")

    def handle(self, *_arguments: Any, **options: Any) -> None:
        if options["apply"]:
            grants.apply()
            self.stdout.write(f"{', '.join(grants.LOGINS)} are set up; give them passwords: \\password in psql.")
        else:
            self.stdout.write("".join(f"{statement};\n" for statement in grants.statements()))
