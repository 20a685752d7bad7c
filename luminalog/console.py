"""The admin site: branding, and the start page that shows what matters today."""

from typing import Any

from django.contrib.admin import AdminSite
from django.http import HttpRequest
from django.template.response import TemplateResponse

from luminalog.today import today


class Console(AdminSite):
    site_header = site_title = "LuminaLog"
    index_title = "Today"
    site_url = None
    index_template = "admin/today.html"

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        """Show what matters today, as far as the member of staff may see it."""
        return super().index(request, {"today": today(request.user), **(extra_context or {})})
