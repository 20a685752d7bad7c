"""Let an organisation's keys in again."""

from argparse import ArgumentParser
from typing import Any

from accounts import life
from accounts.management.answers import AnsweringCommand, find_organisation


class Command(AnsweringCommand):
    help = "Resume a suspended organisation: its keys work again within 10 seconds."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("slug", help="short name of the organisation")

    def handle(self, *_: Any, **options: Any) -> None:
        organisation = find_organisation(options["slug"])
        was_suspended = life.resume(organisation.pk)
        said = "is active again; its keys work within 10 seconds." if was_suspended else "was not suspended."
        rows = {"slug": organisation.slug, "changed": was_suspended}
        self.answer(options, text=f"{organisation.slug} {said}", rows=rows)
