"""The project as an application, and the admin with our own site. Loaded before any model: imports none."""

from django.apps import AppConfig
from django.contrib.admin import apps as admin_apps


class LuminalogConfig(AppConfig):
    name = "luminalog"
    default = True


class ConsoleConfig(admin_apps.AdminConfig):
    default = False
    default_site = "luminalog.console.Console"
