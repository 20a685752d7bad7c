"""What a member of staff sets for themselves: the zone of times. Theme and keys are the browser's to remember."""

from typing import cast

from django import forms
from django.contrib import messages
from django.contrib.admin import AdminSite
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse

from accounts.models import User
from luminalog.console.zone import zones


class PreferencesForm(forms.Form):
    time_zone = forms.ChoiceField(
        label="Times in",
        required=False,
        help_text="In lists, records, charts and the explorer. Months of usage and days of retention are UTC's.",
    )

    def __init__(self, *args: object, **options: object) -> None:
        super().__init__(*args, **options)  # type: ignore[arg-type]
        field = cast(forms.ChoiceField, self.fields["time_zone"])
        field.choices = [
            ("", "the zone of this browser"),
            ("UTC", "UTC"),
            *((name, name) for name in sorted(zones() - {"UTC"})),
        ]


def preferences(request: HttpRequest, site: AdminSite) -> HttpResponse:
    """Show the settings, and keep what is posted."""
    user = cast(User, request.user)
    form = PreferencesForm(request.POST or None, initial={"time_zone": user.time_zone})
    if request.method == "POST" and form.is_valid():
        user.time_zone = form.cleaned_data["time_zone"]
        user.save(update_fields=["time_zone"])
        messages.success(request, "Kept.")
        return HttpResponseRedirect(reverse("admin:preferences"))
    context = {**site.each_context(request), "title": "Preferences", "form": form}
    return TemplateResponse(request, "admin/preferences.html", context)
