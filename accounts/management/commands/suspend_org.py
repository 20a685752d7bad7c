"""Refuse all keys of an organisation until it is resumed."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from accounts import life
from accounts.management.answers import AnsweringCommand, find_organisation


class Command(AnsweringCommand):
    help = "Suspend an organisation: all its keys are refused within 10 seconds. What was accepted stays."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("slug", help="short name of the organisation")
        parser.add_argument("--reason", required=True, help="for the audit trail")

    def handle(self, *_: Any, **options: Any) -> None:
        if not options["reason"].strip():
            raise CommandError("Say why: --reason is empty.")
        organisation = find_organisation(options["slug"])
        was_active = life.suspend(organisation.pk, reason=options["reason"].strip()[:200])
        said = "is suspended; its keys are refused within 10 seconds." if was_active else "was suspended before."
        rows = {"slug": organisation.slug, "changed": was_active}
        self.answer(options, text=f"{organisation.slug} {said}", rows=rows)
