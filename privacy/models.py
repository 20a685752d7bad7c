"""An organisation's privacy rules. One without a row has the defaults, as every new one."""

from collections.abc import Sequence
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q

from privacy import own_rules
from privacy.paths import is_path
from privacy.rules import Action, OwnRule

MOST_FIELDS = 100
OF_SECRETS = [(one.value, one.label) for one in (Action.MASK, Action.HASH, Action.DROP)]
OF_OTHERS = [*OF_SECRETS, (Action.KEEP.value, Action.KEEP.label)]


def _action(default: Action, help_text: str, *, choices: Sequence[tuple[str, str]] = OF_OTHERS) -> Any:
    return models.CharField(
        max_length=4, choices=choices, default=default.value, db_default=default.value, help_text=help_text
    )


def _paths(help_text: str) -> Any:
    return ArrayField(
        models.CharField(max_length=200), default=list, db_default=[], blank=True, size=MOST_FIELDS, help_text=help_text
    )


class Policy(models.Model):
    """What is done with what is found in an organisation's entries, before anything of them is kept."""

    class Mode(models.TextChoices):
        ON = "on", "On: replace what is found"
        REPORT = "report", "Report: count what is found, and change secrets only"
        OFF = "off", "Off: look for secrets only"

    organisation = models.OneToOneField(
        "accounts.Organisation", on_delete=models.CASCADE, primary_key=True, related_name="privacy"
    )
    mode = models.CharField(max_length=6, choices=Mode.choices, default=Mode.ON, db_default=Mode.ON)
    secrets = _action(Action.MASK, "Keys, tokens, passwords. Replaced in every mode.", choices=OF_SECRETS)
    money = _action(Action.MASK, "Numbers of cards and accounts.")
    identity = _action(Action.MASK, "Social security numbers (US), phone numbers with their country's.")
    contact = _action(Action.HASH, "E-mail addresses.")
    network = _action(Action.KEEP, "IP addresses.")
    own = _action(Action.MASK, "What your own rules find, and sensitive fields.")
    safe_fields = _paths("One a line, as metadata.session_id or error.context.*.note: nobody looks into these.")
    sensitive_fields = _paths("One a line: their values go, whatever they are.")
    honours_privacy_mode = models.BooleanField(
        default=False,
        db_default=False,
        verbose_name="senders have scrubbed entries in privacy mode",
        help_text="Then only secrets and money are looked for in entries with privacy_mode. Otherwise those are "
        "private: everything is looked for, IP addresses too, and masked.",
    )
    erasing_needs_two = models.BooleanField(
        default=False,
        db_default=False,
        verbose_name="an erasure needs a second person",
        help_text="Whoever asks for one does not begin it: somebody else confirms it.",
    )
    salt = models.CharField(max_length=32, default="", db_default="", editable=False, blank=True)
    hash_key = models.BinaryField(max_length=32, null=True, editable=False)  # at an edge: as the core has made it

    class Meta:
        verbose_name = "privacy rules"
        verbose_name_plural = "privacy rules"
        constraints = [
            models.CheckConstraint(condition=Q(mode__in=["on", "report", "off"]), name="privacy_mode_is_known"),
            models.CheckConstraint(condition=Q(secrets__in=["mask", "hash", "drop"]), name="secrets_are_never_kept"),
            models.CheckConstraint(
                condition=Q(
                    money__in=["mask", "hash", "drop", "keep"],
                    identity__in=["mask", "hash", "drop", "keep"],
                    contact__in=["mask", "hash", "drop", "keep"],
                    network__in=["mask", "hash", "drop", "keep"],
                    own__in=["mask", "hash", "drop", "keep"],
                ),
                name="privacy_actions_are_known",
            ),
        ]

    def __str__(self) -> str:
        return f"Privacy rules of {self.organisation}"

    def clean(self) -> None:
        """Refuse what is no field that an entry may have."""
        for name in ("safe_fields", "sensitive_fields"):
            wrong = [path for path in getattr(self, name) if not is_path(path)]
            if wrong:
                what = "write message, metadata.name, error.message or error.context.name"
                raise ValidationError({name: f"{wrong[0]} is no field of an entry: {what}."})


class Rule(models.Model):
    """An expression of an organisation's own."""

    policy = models.ForeignKey(Policy, on_delete=models.CASCADE, related_name="own_rules")
    name = models.CharField(max_length=24, help_text="What is found is counted as own.name, and masked as [own.name].")
    pattern = models.CharField(
        max_length=own_rules.MOST_CHARACTERS,
        verbose_name="expression",
        help_text="RE2, as in EMP-\\d{6}. (?i) in front: small letters and capitals are the same.",
    )

    class Meta:
        verbose_name = "own rule"
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["policy", "name"], name="own_rule_is_named_once"),
            models.CheckConstraint(
                condition=Q(name__regex=r"^[a-z][a-z0-9_]{0,23}$"), name="own_rule_has_a_plain_name"
            ),
            models.CheckConstraint(condition=~Q(pattern=""), name="own_rule_has_an_expression"),
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Refuse what RE2 cannot read, and what would be too costly."""
        try:
            own_rules.check(OwnRule(name=self.name, pattern=self.pattern))
        except own_rules.BadRule as error:
            raise ValidationError(str(error)) from error
