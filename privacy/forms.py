"""The form of an organisation's privacy rules, and what it means before it is saved."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from django import forms

from privacy.detectors import Kind
from privacy.models import Policy, Rule
from privacy.policies import rules_of
from privacy.rules import Action, OwnRule, Rules

if TYPE_CHECKING:
    PolicyModelForm = forms.ModelForm[Policy]
else:
    PolicyModelForm = forms.ModelForm  # only django-stubs' is generic


class LinesField(forms.CharField):
    """A list of texts, one a line."""

    widget = forms.Textarea(attrs={"rows": 4, "cols": 60, "spellcheck": "false"})

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        given = value if isinstance(value, list) else (value or "").splitlines()
        return [line.strip() for line in given if line.strip()]

    def has_changed(self, initial: Any, data: Any) -> bool:
        return bool((initial or []) != self.to_python(data))


class PolicyForm(PolicyModelForm):
    safe_fields = LinesField(required=False, help_text=Policy._meta.get_field("safe_fields").help_text)
    sensitive_fields = LinesField(required=False, help_text=Policy._meta.get_field("sensitive_fields").help_text)

    class Meta:
        model = Policy
        fields = "__all__"


def unsaved_rules(policy: Policy, own: Iterable[Rule]) -> Rules:
    """Return what a filled form means."""
    return rules_of(
        policy.pk,
        mode=policy.mode,
        actions={kind: Action(getattr(policy, kind.value)) for kind in Kind},
        own=[OwnRule(name=rule.name, pattern=rule.pattern) for rule in own],
        safe_fields=policy.safe_fields,
        sensitive_fields=policy.sensitive_fields,
        honours_privacy_mode=policy.honours_privacy_mode,
        salt=policy.salt,
    )
