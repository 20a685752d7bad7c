"""Make an edge: an installation in another region that forwards to this one."""

import json
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from accounts.models import Organisation
from edges import life
from edges.models import Edge


class Command(BaseCommand):
    help = "Make an edge and print its token: the only time that it is shown."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="short, as fra1")
        parser.add_argument("--region", default="", metavar="TEXT", help="where it stands, for people")
        parser.add_argument(
            "--organisation", action="append", default=[], metavar="SLUG", help="who may send there; repeatable"
        )
        parser.add_argument("--all-organisations", action="store_true", help="everybody may, later ones too")
        parser.add_argument(
            "--network", action="append", default=[], metavar="CIDR", help="where it calls from; repeatable"
        )
        parser.add_argument("--json", action="store_true", help="answer in JSON")

    def handle(self, *_: Any, **options: Any) -> None:
        if settings.CORE_URL:
            raise CommandError("This is an edge itself: make edges at its core.")
        organisations = [_organisation(slug) for slug in options["organisation"]]
        draft = Edge(
            name=options["name"],
            region=options["region"],
            takes_all=options["all_organisations"],
            allowed_networks=options["network"],
        )
        try:
            issued = life.create(draft, organisations=organisations)
        except ValidationError as error:
            raise CommandError("; ".join(error.messages)) from error
        if options["json"]:
            slugs = [one.slug for one in organisations]
            rows = {"edge": draft.name, "region": draft.region, "takes_all": draft.takes_all, "organisations": slugs}
            self.stdout.write(json.dumps({**rows, "token": issued.token}, ensure_ascii=False, indent=2))
            return
        if not organisations and not draft.takes_all:
            self.stderr.write("No organisation may send there yet: see --organisation and --all-organisations.")
        self.stderr.write("This is the only time the token is shown.")
        self.stdout.write(f"Edge {draft.name}: {issued.token}")


def _organisation(slug: str) -> Organisation:
    found = Organisation.objects.filter(slug=slug).first()
    if found is None:
        raise CommandError(f"There is no organisation {slug}.")
    return found
