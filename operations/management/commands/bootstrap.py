from django.conf import settings
from django.core.management.base import BaseCommand

from embedded import credentials
from operations.bootstrap import bootstrap


class Command(BaseCommand):
    help = "Make the first organisation, project, API key and administrator, unless there is an organisation."

    def handle(self, **options: object) -> None:  # noqa: ARG002 - Django's signature
        if not bootstrap(credentials.obtain(settings.DATA_DIR)):
            self.stdout.write("This database was set up elsewhere: our first key and log-in do not open it.")
