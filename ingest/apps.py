from importlib import import_module

from django.apps import AppConfig
from django.core.checks import register

from ingest.checks import check_limits


class IngestConfig(AppConfig):
    name = "ingest"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        register(check_limits)
        import_module("ingest.days_to_store")  # it needs models
