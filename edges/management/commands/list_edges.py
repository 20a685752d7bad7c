"""List edges, and how each is."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from edges.standing import EdgeStanding, standings


class Command(BaseCommand):
    help = "List edges: whether each is there, what waits there, and what is lent to it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--all", action="store_true", help="those that have ended, too")
        parser.add_argument("--json", action="store_true", help="answer in JSON")

    def handle(self, *_: Any, **options: Any) -> None:
        found = standings(ended=options["all"])
        if options["json"]:
            self.stdout.write(json.dumps([_row(one) for one in found], ensure_ascii=False, indent=2))
        elif not found:
            self.stdout.write("There are no edges: see `bin/luminalog edges create`.")
        else:
            self.stdout.write("\n".join(map(_line, found)))


def _row(one: EdgeStanding) -> dict[str, Any]:
    edge = one.edge
    return {
        "edge": edge.name,
        "region": edge.region,
        "standing": one.word,
        "takes_all": edge.takes_all,
        "organisations": list(edge.organisations.values_list("slug", flat=True)),
        "version": edge.version,
        "last_seen_at": edge.last_seen_at.isoformat() if edge.last_seen_at else None,
        "waiting_batches": edge.waiting_batches,
        "waiting_bytes": edge.waiting_bytes,
        "oldest_seconds": edge.oldest_seconds,
        "clock_seconds": edge.clock_seconds,
        "lent_bytes": one.unspent_bytes,
        "short_bytes": one.short_bytes,
        "refused_batches": edge.refused_batches,
    }


def _line(one: EdgeStanding) -> str:
    edge = one.edge
    seen = edge.last_seen_at.isoformat()[:19] if edge.last_seen_at else "never"
    waits = f"{edge.waiting_batches} batches wait"
    return f"{edge.name:<16}  {one.word:<10}  seen {seen:<19}  {waits:<20}  {one.unspent_bytes} bytes lent"
