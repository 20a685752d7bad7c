"""The forms of steps that are no plain change: each asks for what the audit trail should say later."""

from datetime import timedelta

from django import forms


class ReasonForm(forms.Form):
    """Why: read later by whoever wonders."""

    reason = forms.CharField(max_length=200, widget=forms.TextInput(attrs={"class": "vTextField", "autofocus": True}))


class RotateForm(forms.Form):
    """How long the old key goes on working beside its successor."""

    grace_hours = forms.TypedChoiceField(
        label="The old key works for",
        choices=[(0, "no longer: it ends at once"), (24, "1 day"), (168, "7 days"), (720, "30 days")],
        initial=168,
        coerce=int,
        help_text="After that it retires by itself. Until then the start page lists it while it is still in use.",
    )

    @property
    def grace(self) -> timedelta:
        """The chosen time, once the form is valid."""
        return timedelta(hours=self.cleaned_data["grace_hours"])


class ConfirmForm(forms.Form):
    """Nothing to fill in: the button is the answer."""
