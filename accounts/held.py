"""What this room may hold of values that clients sent: queries that staff asked for, reasons, the audit trail."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from auditlog.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model, Q, QuerySet

from accounts.models import AccessRecord, ApiKey, Organisation, Project
from foundation.holdings import Belongings, Holding, Wanted, register

ROWS_AT_ONCE = 1_000


def changed(rows: QuerySet[Any], fields: Sequence[str], wanted: Wanted) -> Iterator[tuple[Any, dict[str, Any]]]:
    """Yield the keys of rows that hold a value in one of `fields`, and what these hold without it."""
    for row in rows.order_by("pk").values("pk", *fields).iterator(chunk_size=ROWS_AT_ONCE):
        before = {name: row[name] for name in fields}
        after = {name: wanted.cut_from_all(value) for name, value in before.items()}
        if after != before:
            yield row["pk"], after


def cut(model: type[Model], found: Iterable[tuple[Any, dict[str, Any]]]) -> int:
    """Write the rows that `changed` yields, each by itself; return how many."""
    rows = 0
    for pk, after in found:
        short = {name: _fitting(model, name, value) for name, value in after.items()}
        model._default_manager.filter(pk=pk).update(**short)
        rows += 1
    return rows


def _fitting(model: type[Model], name: str, value: Any) -> Any:
    longest = getattr(model._meta.get_field(name), "max_length", None)
    return value[:longest] if longest and isinstance(value, str) else value


def _records(wanted: Wanted) -> Iterator[tuple[Any, dict[str, Any]]]:
    rows = AccessRecord.objects.filter(organisation_id=wanted.organisation_id)
    return changed(rows, ("query", "subject"), wanted)


def _audit(wanted: Wanted) -> Iterator[tuple[Any, dict[str, Any]]]:
    """Look into what was changed of the organisation, its projects and its keys: reasons may name a person."""
    own = {"organisation_id": wanted.organisation_id}
    keys: dict[type[Model], Iterable[int]] = {
        Organisation: [wanted.organisation_id],
        Project: Project.objects.filter(**own).values_list("pk", flat=True),
        ApiKey: ApiKey.objects.filter(**own).values_list("pk", flat=True),
    }
    is_theirs = Q(pk=None)
    for model, ids in keys.items():
        is_theirs |= Q(content_type=ContentType.objects.get_for_model(model), object_pk__in=[str(one) for one in ids])
    return changed(LogEntry.objects.filter(is_theirs), ("object_repr", "changes"), wanted)


def _reasons(wanted: Wanted) -> Iterator[tuple[type[Model], Iterator[tuple[Any, dict[str, Any]]]]]:
    """Yield why staff have suspended the organisation and revoked its keys."""
    organisation = Organisation.objects.filter(pk=wanted.organisation_id)
    yield Organisation, changed(organisation, ("suspended_reason",), wanted)
    yield ApiKey, changed(ApiKey.objects.filter(organisation__in=organisation), ("revoked_reason",), wanted)


RECORDS = Holding(
    name="recorded queries",
    count=lambda wanted: sum(1 for _ in _records(wanted)),
    erase=lambda wanted: cut(AccessRecord, _records(wanted)),
)
AUDIT = Holding(
    name="audit trail",
    count=lambda wanted: sum(1 for _ in _audit(wanted)),
    erase=lambda wanted: cut(LogEntry, _audit(wanted)),
)
REASONS = Holding(
    name="reasons",
    count=lambda wanted: sum(1 for _, rows in _reasons(wanted) for _ in rows),
    erase=lambda wanted: sum(cut(model, rows) for model, rows in _reasons(wanted)),
)


def _forget_queries(organisation_id: int) -> int:
    """Forget what was looked for and at; who looked, and when, stays."""
    records = AccessRecord.objects.filter(organisation_id=organisation_id).exclude(query="", subject="")
    return records.update(query="", subject="")


QUERIES = Belongings(name="queries of access records", forget=_forget_queries)

register(RECORDS, REASONS, AUDIT, QUERIES)
