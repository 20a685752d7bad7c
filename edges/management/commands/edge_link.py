"""`bin/luminalog edges link`: at an edge, the process that speaks with the core."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from edges import linking
from foundation.core_link import LinkError, fault_in_url, token
from foundation.stopping import run_until_stopped


class Command(BaseCommand):
    help = "At an edge: forward to the core, mirror its keys, and borrow bytes, until stopped."

    def handle(self, *_arguments: Any, **_options: Any) -> None:
        if not settings.CORE_URL:
            raise CommandError("This is no edge: STORE_URL names no core, as edge+https://core.example.com does.")
        if fault := fault_in_url(settings.CORE_URL, is_development=settings.DEVELOPMENT):
            raise CommandError(fault)
        try:
            token()
        except LinkError as error:
            raise CommandError(str(error)) from error
        run_until_stopped(linking.run)
