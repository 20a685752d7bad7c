"""The project as an application, and the admin with our own site. Loaded before any model: imports none."""

from importlib import import_module

from django.apps import AppConfig
from django.contrib.admin import apps as admin_apps


class LuminalogConfig(AppConfig):
    name = "luminalog"
    default = True

    def ready(self) -> None:
        """Register the checks, and the pages of no single room."""
        for module in (
            "luminalog.checks",
            "luminalog.console.organisation",
            "luminalog.console.privacy_trial",
            "luminalog.console.sending.page",
        ):
            import_module(module)


class ConsoleConfig(admin_apps.AdminConfig):
    default = False
    default_site = "luminalog.console.site.Console"
