"""What somebody wants erased, as a form."""

from typing import Any

from django import forms

from accounts.models import Organisation
from explore.sought import MOST_CHARACTERS
from operations.erasures.doing import Doing, doing_of
from operations.erasures.life import ErasureError, NotSuspended
from operations.models import Erasure

KINDS = [
    (Erasure.Kind.QUERY.value, "Entries that a query finds, as in the explorer"),
    (Erasure.Kind.VALUE.value, "Everything that a value stands in"),
    (Erasure.Kind.ALL.value, "Everything of an organisation that has gone, for good"),
]


class ErasureForm(forms.Form):
    """Whose, what, and the number of the request; once it is valid, `doing` says what would be done."""

    doing: Doing

    organisation = forms.ModelChoiceField(Organisation.objects.order_by("name"))
    kind = forms.ChoiceField(label="Erase", choices=KINDS, initial=KINDS[0][0])
    wanted = forms.CharField(
        label="Query, value or short name",
        max_length=MOST_CHARACTERS,
        strip=True,
        widget=forms.TextInput(attrs={"class": "vTextField", "autocomplete": "off", "spellcheck": "false"}),
        help_text="userId:123 or, as a value, bob@example.com. It is forgotten once all is erased. For everything, the "
        "organisation’s short name, so that it is no slip: it must be suspended.",
    )
    reference = forms.CharField(
        required=False,
        max_length=120,
        widget=forms.TextInput(attrs={"class": "vTextField"}),
        help_text="Your number of the request. It is kept for ever.",
    )

    def clean(self) -> dict[str, Any]:
        """Refuse what cannot be looked for, and a reference that would keep what is to be erased."""
        cleaned: dict[str, Any] = super().clean() or {}
        if "organisation" in cleaned and "wanted" in cleaned and "kind" in cleaned:
            try:
                self.doing = doing_of(cleaned["kind"], cleaned["wanted"], cleaned["organisation"].pk)
            except NotSuspended as error:
                self.add_error("organisation", str(error))
            except ErasureError as error:
                self.add_error("wanted", str(error))
            else:
                self._check(cleaned)
        return cleaned

    def _check(self, cleaned: dict[str, Any]) -> None:
        if self.doing.sought is None:
            if cleaned["wanted"] != cleaned["organisation"].slug:
                self.add_error("wanted", "For everything, write the organisation's short name.")
        elif self.doing.sought.wanted.is_in(cleaned.get("reference", "")):
            self.add_error("reference", "It must not hold what is to be erased.")
