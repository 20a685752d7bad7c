"""Make the key that the environment or a mounted secret names, once; safe to run at every start."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

import environ
from django.core.management.base import BaseCommand, CommandError

from quotas.provision import Provision, ProvisionError, provision

PREFIX = "LUMINALOG_PROVISION_"

env = environ.Env()


class Command(BaseCommand):
    help = (
        f"Make the key in {PREFIX}API_KEY, or in the file {PREFIX}API_KEY_FILE, of {PREFIX}ORGANISATION (default), "
        f"on {PREFIX}PLAN (scale), in {PREFIX}PROJECT (default), with {PREFIX}KEY_NAME (provisioned) and "
        f"{PREFIX}ENVIRONMENT (production). Does nothing when neither is set, or when the key is there."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="answer in JSON")

    def handle(self, *_: Any, **options: Any) -> None:
        wanted = _wanted()
        try:
            made = provision(wanted) if wanted else False
        except ProvisionError as error:
            raise CommandError(str(error)) from error
        state = "made" if made else "there already" if wanted else "none wanted"
        self.stdout.write(json.dumps({"key": state}) if options["json"] else f"Provisioned key: {state}.")


def _wanted() -> Provision | None:
    key = env.str(PREFIX + "API_KEY", default="") or _from_file(env.str(PREFIX + "API_KEY_FILE", default=""))
    if not key:
        return None
    return Provision(
        api_key=key.strip(),
        organisation=env.str(PREFIX + "ORGANISATION", default="default"),
        plan=env.str(PREFIX + "PLAN", default="scale"),
        project=env.str(PREFIX + "PROJECT", default="default"),
        name=env.str(PREFIX + "KEY_NAME", default="provisioned"),
        environment=env.str(PREFIX + "ENVIRONMENT", default="production"),
    )


def _from_file(path: str) -> str:
    try:
        return Path(path).read_text() if path else ""
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        raise CommandError(f"{PREFIX}API_KEY_FILE cannot be read: {why}.") from error
