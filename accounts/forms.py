"""The form of a key, and those of steps that are no plain change: they ask for what the audit trail should say."""

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib.postgres.forms import SimpleArrayField

from accounts.models import ApiKey
from accounts.scopes import OF_PUBLIC_KEYS, PUBLIC_KEYS_ONLY_INGEST, SCOPES, default_scopes
from accounts.validators import validate_network, validate_origin

if TYPE_CHECKING:
    KeyModelForm = forms.ModelForm[ApiKey]
else:
    KeyModelForm = forms.ModelForm  # only django-stubs' is generic


class ApiKeyForm(KeyModelForm):
    """A key's settings; what it may do is a set of boxes to tick."""

    scopes = forms.MultipleChoiceField(
        label="It may",
        choices=SCOPES,
        initial=default_scopes,
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Choose what the key may do."},
        help_text="Managing is for programs that change settings of their organisation.",
    )

    class Meta:
        model = ApiKey
        fields = "__all__"

    def __init__(self, *arguments: Any, **options: Any) -> None:
        """Check each item of a list here: of what the model finds wrong with one, Django's forms do not say what."""
        super().__init__(*arguments, **options)
        for name, validator in (("allowed_networks", validate_network), ("allowed_origins", validate_origin)):
            if isinstance(of_list := self.fields.get(name), SimpleArrayField):
                of_list.base_field.validators.append(validator)

    def clean(self) -> dict[str, Any]:
        """Hold a key whose kind is not asked for any more to what its kind allows; Django only checks what it asks."""
        cleaned: dict[str, Any] = super().clean() or {}
        is_known_public = "kind" not in self.fields and self.instance.kind == ApiKey.Kind.PUBLIC
        if is_known_public and cleaned.get("scopes") != OF_PUBLIC_KEYS:
            self.add_error("scopes", PUBLIC_KEYS_ONLY_INGEST)
        if is_known_public and cleaned.get("keeps_overflow"):
            self.add_error("keeps_overflow", "The overflow lane is for secret keys.")
        return cleaned


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
