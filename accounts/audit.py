"""The audit trail of changes that go past `save()`; those that do not are recorded by django-auditlog's signals."""

from collections.abc import Mapping
from typing import Any

from auditlog.models import LogEntry
from django.db.models import Model


def record(instance: Model, changes: Mapping[str, tuple[Any, Any]]) -> None:
    """Write what changed in `instance`, before and after; auditlog's middleware adds who did it and from where."""
    texts = {name: [_text(before), _text(after)] for name, (before, after) in changes.items() if before != after}
    if texts:
        LogEntry.objects.log_create(instance, action=LogEntry.Action.UPDATE, changes=texts)


def hide(_: str) -> str:
    """Mask a secret whole, its length too."""
    return "********"


def _text(value: Any) -> str:
    return "None" if value is None else str(value)
