"""Issue a successor of an API key, and let the old one retire."""

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import CommandError

from accounts import life
from accounts.management.answers import KeyCommand, find
from foundation.arguments import MAX_DAYS, within


class Command(KeyCommand):
    help = "Issue a successor with the same settings and print it; the old key works for some days more."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("id", type=int, help="of the key, from list_keys")
        parser.add_argument(
            "--grace-days", type=within(0, MAX_DAYS, kind=float), default=life.GRACE.days, help="default: %(default)s"
        )

    def handle(self, *_: Any, **options: Any) -> None:
        try:
            issued = life.rotate(find(options["id"]).pk, by=None, grace=timedelta(days=options["grace_days"]))
        except life.KeyLifeError as error:
            raise CommandError(str(error)) from error
        self.answer_issued(options, issued)
