"""The form of a channel: what each kind needs, and addresses that are never shown again once they are kept."""

import re
from typing import TYPE_CHECKING, Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from notify import mail
from notify.models import NoticeChannel
from notify.webhooks import WebhookError, resolve

if TYPE_CHECKING:
    ChannelModelForm = forms.ModelForm[NoticeChannel]
else:
    ChannelModelForm = forms.ModelForm  # only django-stubs' is generic

Kind = NoticeChannel.Kind
FIELDS = ["organisation", "kind", "name", "address", "mention", "is_active"]
WANTED = {
    Kind.EMAIL: "an e-mail address",
    Kind.SLACK: "the https:// address of an incoming webhook",
    Kind.DISCORD: "the https:// address of a webhook",
    Kind.TEAMS: "the https:// address of a workflow that posts to a channel",
    Kind.PAGERDUTY: "the routing key of an Events API v2 integration",
    Kind.WEBHOOK: "an https:// address",
}
ROUTING_KEY = re.compile(r"[A-Za-z0-9]{20,64}")
ROLE = re.compile(r"[0-9]{15,20}")


class ChannelForm(ChannelModelForm):
    class Meta:
        model = NoticeChannel
        fields = FIELDS

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        address = self.fields.get("address")
        if address is None:  # a reader's page
            return
        wanted = "; ".join(f"{kind.label}: {what}" for kind, what in WANTED.items())
        address.help_text = f"{wanted}."
        address.widget.attrs |= {"autocomplete": "off", "spellcheck": "false", "class": "vTextField"}
        if self.instance.pk and self.instance.kind != Kind.EMAIL:
            self.initial["address"] = ""
            address.required = False
            address.help_text = f"Leave it empty to keep {self.instance.masked}. {wanted}."

    def clean_address(self) -> str:
        """Keep the address that is there where none is given, unless the kind becomes another."""
        given: str = self.cleaned_data.get("address", "")
        if given or not self.instance.pk:
            return given
        if self.cleaned_data.get("kind") != self.initial.get("kind"):
            raise ValidationError("Another kind of channel needs an address of its own.")
        return str(NoticeChannel.objects.values_list("address", flat=True).get(pk=self.instance.pk))

    def clean(self) -> dict[str, Any]:
        """Refuse an address that nothing could be sent to."""
        cleaned: dict[str, Any] = super().clean() or {}
        if "address" in cleaned and cleaned.get("kind"):
            try:
                check(cleaned["kind"], cleaned["address"])
            except ValidationError as error:
                self.add_error("address", error)
        mention = cleaned.get("mention")
        if mention and (cleaned.get("kind") != Kind.DISCORD or not ROLE.fullmatch(mention)):
            self.add_error("mention", "Only of Discord: the number of a role, 15 to 20 digits.")
        return cleaned


def check(kind: str, address: str) -> None:
    """Raise `ValidationError` for an address to which nothing of this kind could be sent."""
    if kind == Kind.EMAIL:
        validate_email(address)
    elif kind == Kind.PAGERDUTY:
        if not ROUTING_KEY.fullmatch(address):
            raise ValidationError("A routing key is 20 to 64 letters and digits.")
    else:
        try:
            resolve(address)
        except WebhookError as error:
            raise ValidationError(f"Nothing can be sent there: {error}.") from None


def trouble(channel: NoticeChannel) -> str:
    """Return why nothing can arrive by a channel as it is, if so."""
    if channel.kind == Kind.EMAIL and mail.reaches_nobody():
        return "EMAIL_URL is not set, this channel reaches nobody."
    return ""
