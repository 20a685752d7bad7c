"""Retire an edge: let it forward all it has, then end it; or end one that is lost, or that somebody else has."""

import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from edges import life
from edges.models import Edge
from foundation.arguments import within

LOOK_EVERY_SECONDS = 1.0
WAIT_SECONDS = 300


class Command(BaseCommand):
    help = "End an edge: when it has forwarded all it has, or at once with --lost."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name")
        parser.add_argument("--lost", action="store_true", help="at once: what it has not forwarded is never taken")
        parser.add_argument(
            "--wait",
            type=within(0, 86_400),
            default=WAIT_SECONDS,
            metavar="SECONDS",
            help="for it to be empty (%(default)s)",
        )

    def handle(self, *_: Any, **options: Any) -> None:
        edge = Edge.objects.filter(name=options["name"]).first()
        if edge is None:
            raise CommandError(f"There is no edge {options['name']}.")
        if edge.revoked_at:
            raise CommandError(f"{edge} has ended already.")
        if options["lost"]:
            life.revoke(edge.pk, reason="lost")
            self.stdout.write(f"{edge} has ended. What it had not forwarded is not taken any more.")
            return
        life.begin_to_retire(edge.pk)
        if not self._is_empty_within(edge, options["wait"]):
            raise CommandError(
                f"{edge} takes no more batches, and still has some, or was not heard. Run this again later, or end it"
                " with --lost."
            )
        life.revoke(edge.pk, reason="retired")
        self.stdout.write(f"{edge} has forwarded all it had, and has ended.")

    def _is_empty_within(self, edge: Edge, seconds: int) -> bool:
        deadline = time.monotonic() + seconds
        while True:
            edge.refresh_from_db()
            if life.is_empty(edge):
                return True
            if time.monotonic() >= deadline:
                return False
            time.sleep(LOOK_EVERY_SECONDS)
