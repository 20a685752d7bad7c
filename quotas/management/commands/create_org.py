"""Make an organisation with its plan and its first project."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from accounts.models import Organisation, Project
from quotas.models import Plan
from quotas.plans import subscribe


class Command(BaseCommand):
    help = "Make an organisation on a plan, with a first project."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug", help="short name in addresses and commands")
        parser.add_argument("--name", help="default: the slug")
        parser.add_argument("--plan", default="indie", help="slug of the plan; default: %(default)s")
        parser.add_argument("--project", default="default", help="slug of the first project; default: %(default)s")
        parser.add_argument("--json", action="store_true", help="answer in JSON")

    @transaction.atomic
    def handle(self, *_: Any, **options: Any) -> None:
        plan = Plan.objects.filter(slug=options["plan"]).first()
        if plan is None:
            known = ", ".join(Plan.objects.values_list("slug", flat=True))
            raise CommandError(f"There is no plan {options['plan']}; there are: {known}.")
        organisation = Organisation(slug=options["slug"], name=options["name"] or options["slug"])
        project = Project(organisation=organisation, slug=options["project"], name=options["project"])
        try:
            organisation.full_clean()
            project.full_clean(exclude=["organisation"])
        except ValidationError as error:
            raise CommandError("; ".join(error.messages)) from error
        organisation.save()
        project.save()
        subscribe(organisation, plan)
        row = {"id": organisation.pk, "slug": organisation.slug, "plan": plan.slug, "project": project.slug}
        self.stdout.write(json.dumps(row) if options["json"] else f"{organisation.slug} on {plan.name}: {project.slug}")
