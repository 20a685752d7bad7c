"""Issue an API key for a project."""

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import CommandError
from django.utils import timezone

from accounts import life
from accounts.management.answers import KeyCommand
from accounts.models import ApiKey, Project
from accounts.scopes import OF_PUBLIC_KEYS, Scope, default_scopes
from foundation.arguments import MAX_DAYS, within
from foundation.levels import BY_NAME


class Command(KeyCommand):
    help = "Issue an API key and print it: the only time that it is shown."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("organisation", help="slug of the organisation")
        parser.add_argument("project", help="slug of the project")
        parser.add_argument("--name", required=True, help="that says who will use it")
        parser.add_argument("--environment", default="production", metavar="NAME", help="of entries that name none")
        parser.add_argument(
            "--scope", choices=[scope.value for scope in Scope], action="append", help="default: ingest and read"
        )
        parser.add_argument(
            "--kind", choices=ApiKey.Kind.values, default=ApiKey.Kind.SECRET, help="public: for browsers, ingest only"
        )
        parser.add_argument("--requests-per-minute", type=int, metavar="NUMBER", help="a limit of its own")
        parser.add_argument(
            "--network", action="append", default=[], metavar="CIDR", help="where it may be used from; repeatable"
        )
        parser.add_argument(
            "--origin", action="append", default=[], help="of a public key: whose pages may use it; repeatable"
        )
        parser.add_argument(
            "--daily-bytes", type=int, metavar="NUMBER", help="of a public key; default: 2 %% of the month's quota"
        )
        parser.add_argument(
            "--overflow", action="store_true", help="keep what is beyond the rate limit for later, instead of a 429"
        )
        parser.add_argument("--lenient", action="store_true", help="keep the valid entries of a batch with bad ones")
        parser.add_argument("--minimum-level", choices=list(BY_NAME), default="debug", help="drop entries below it")
        parser.add_argument("--expires-in-days", type=within(1, MAX_DAYS), metavar="DAYS")

    def handle(self, *_: Any, **options: Any) -> None:
        project = Project.objects.filter(slug=options["project"], organisation__slug=options["organisation"]).first()
        if project is None:
            raise CommandError("There is no such project: see `bin/luminalog organisations create`.")
        draft = _draft(project, options)
        try:
            draft.full_clean(exclude=["organisation", "sha256", "prefix", "suffix"])
        except ValidationError as error:
            raise CommandError("; ".join(error.messages)) from error
        self.answer_issued(options, life.issue(draft, by=None))


def _draft(project: Project, options: dict[str, Any]) -> ApiKey:
    is_public, days = options["kind"] == ApiKey.Kind.PUBLIC, options["expires_in_days"]
    return ApiKey(
        project=project,
        organisation_id=project.organisation_id,
        name=options["name"],
        environment=options["environment"],
        kind=options["kind"],
        scopes=sorted(set(options["scope"] or (OF_PUBLIC_KEYS if is_public else default_scopes()))),
        requests_per_minute=options["requests_per_minute"],
        allowed_networks=options["network"],
        allowed_origins=options["origin"],
        daily_bytes=options["daily_bytes"],
        keeps_overflow=options["overflow"],
        invalid_entries=ApiKey.InvalidEntries.LENIENT if options["lenient"] else ApiKey.InvalidEntries.STRICT,
        minimum_level=BY_NAME[options["minimum_level"]].value,
        expires_at=timezone.now() + timedelta(days=days) if days is not None else None,
    )
