"""Forms of plans and quotas: sizes are written as people say them."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator

from foundation.sizes import exactly, parse_bytes
from quotas.buckets import MAX_TOKENS
from quotas.models import Plan, Quota

if TYPE_CHECKING:
    PlanModelForm = forms.ModelForm[Plan]
    QuotaModelForm = forms.ModelForm[Quota]
else:
    PlanModelForm = QuotaModelForm = forms.ModelForm  # only django-stubs' is generic

MAX_BYTES = 2**60


class BytesField(forms.CharField):
    """A number of bytes, written as `10 GiB`."""

    def __init__(self, **options: Any) -> None:
        options.setdefault("help_text", "Such as 10 GiB or 500 MB.")
        super().__init__(**options)
        self.validators = [MinValueValidator(0), MaxValueValidator(MAX_BYTES)]

    def prepare_value(self, value: Any) -> Any:
        return exactly(value) if isinstance(value, int) else value

    def to_python(self, value: Any) -> Any:
        if value in self.empty_values:
            return None
        try:
            return value if isinstance(value, int) else parse_bytes(value)
        except ValueError as error:
            raise ValidationError(str(error)) from error

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return bool(self.to_python(initial) != self.to_python(data))
        except ValidationError:
            return True


class PlanForm(PlanModelForm):
    monthly_bytes = BytesField(label="Bytes a month")

    class Meta:
        model = Plan
        fields = [
            "name", "slug", "requests_per_minute", "burst_requests", "monthly_bytes", "retention_days",
            "recording_days",
        ]  # fmt: skip

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        _bound_requests(self)


class QuotaForm(QuotaModelForm):
    monthly_bytes = BytesField(label="Bytes a month", required=False)

    class Meta:
        model = Quota
        fields = [
            "plan", "requests_per_minute", "monthly_bytes", "retention_days", "overrides_from", "overrides_until",
        ]  # fmt: skip

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        _bound_requests(self)


def _bound_requests(form: forms.BaseForm) -> None:
    for name in ("requests_per_minute", "burst_requests"):
        if name in form.fields:
            form.fields[name].validators.append(MaxValueValidator(MAX_TOKENS))
