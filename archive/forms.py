"""Whose archives, or those of which day, the console shows."""

from typing import Any

from django import forms

from accounts.models import Organisation


class Choice(forms.Form):
    """An organisation by its short name, and a day; neither is all."""

    organisation = forms.SlugField(required=False, label="Organisation's short name")
    day = forms.DateField(
        required=False, label="Day of receipt (UTC)", widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )

    def clean_organisation(self) -> Any:
        """Return the organisation's id."""
        slug = self.cleaned_data["organisation"]
        if not slug:
            return None
        found = Organisation.objects.filter(slug=slug).values_list("pk", flat=True).first()
        if found is None:
            raise forms.ValidationError("There is no such organisation.")
        return found
