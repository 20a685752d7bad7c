"""The project as an application, and the admin with our own site. Loaded before any model: imports none."""

from importlib import import_module

from django.apps import AppConfig
from django.contrib.admin import apps as admin_apps


class LuminalogConfig(AppConfig):
    name = "luminalog"
    default = True

    def ready(self) -> None:
        """Register the checks."""
        import_module("luminalog.checks")


class ConsoleConfig(admin_apps.SimpleAdminConfig):
    """The site looks for its pages itself: importing all of them takes a third of the time of a process's start."""

    default = False
    default_site = "luminalog.console.site.Console"
