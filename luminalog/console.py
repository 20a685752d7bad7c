"""The admin site: branding, and the start page that shows what matters today."""

from django.contrib.admin import AdminSite
from django.contrib.admin.apps import AdminConfig


class ConsoleConfig(AdminConfig):
    default_site = "luminalog.console.Console"


class Console(AdminSite):
    site_header = site_title = "LuminaLog"
    index_title = "Today"
