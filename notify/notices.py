"""Give a notice: once a period however often it is called for, and put it on its way by each active channel."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import NamedTuple
from urllib.parse import urlencode

import structlog
from django.db import transaction

from accounts.models import Organisation
from foundation.postgres import fetch_all
from notify import outbox
from notify.message import Fact, Link, Message, Severity
from notify.models import Notice

log = structlog.get_logger(__name__)

Kind = Notice.Kind
#: Sorted, so that two who give the same notices do not wait for each other crosswise.
GIVE = """
WITH given AS (
    INSERT INTO quotas_notice (organisation_id, kind, period)
    SELECT * FROM unnest(%s::bigint[], %s::text[], %s::date[]) ORDER BY 1, 2, 3
        ON CONFLICT (organisation_id, kind, period) DO NOTHING
    RETURNING id, organisation_id, kind, period, created_at
)
SELECT * FROM given ORDER BY organisation_id, id
"""
OF_USE = "What was used, and by which key, is on the organisation's usage page and at GET /v1/usage."
OF_PRIVACY = "Since when is on the organisation's privacy page, by which key on its usage page and at GET /v1/usage."
OF_ERRORS = "Which one is on the organisation's page of errors and at GET /v1/groups."
#: How bad each is, and where to read on.
SAID: dict[str, tuple[Severity, str]] = {
    Kind.QUOTA_80: ("warn", OF_USE),
    Kind.QUOTA_100: ("error", OF_USE),
    Kind.REFUSED: ("warn", OF_USE),
    Kind.WITHHELD: ("error", OF_PRIVACY),
    Kind.CUT: ("warn", OF_USE),
    Kind.SPIKE: ("error", OF_ERRORS),
    Kind.NO_GROUP: ("warn", OF_ERRORS),
}


class Due(NamedTuple):
    """A notice that somebody should be given: `kind` is one of `Notice.Kind`, `period` its first day (UTC)."""

    organisation_id: int
    kind: str
    period: date


class Given(NamedTuple):
    """A notice that was given now."""

    notice_id: int
    organisation_id: int
    kind: str
    period: date
    created_at: datetime


def give(due: Sequence[Due]) -> int:
    """Give the notices that were not given yet, in one transaction; return how many those were."""
    if not due:
        return 0
    with transaction.atomic():
        given = [Given(*row) for row in fetch_all(GIVE, [list(column) for column in zip(*due, strict=True)])]
        slugs = dict(
            Organisation.objects.filter(pk__in={one.organisation_id for one in given}).values_list("pk", "slug")
        )
        for one in given:
            message = message_of(one, slug=slugs[one.organisation_id])
            outbox.put(one.organisation_id, message, key=f"notice-{one.notice_id}", notice_id=one.notice_id)
    if given:
        log.info("notices_raised", notices=len(given))
    return len(given)


def message_of(notice: Given, *, slug: str) -> Message:
    """Return what is sent of a notice."""
    kind = Kind(notice.kind)
    severity, text = SAID[kind]
    page = "errors" if text == OF_ERRORS else "usage"
    return Message(
        kind=f"notice.{kind.value}",
        title=str(kind.label),
        occurred_at=notice.created_at,
        text=text,
        severity=severity,
        facts=(Fact(name="Period", value=f"{notice.period.isoformat()} (UTC)"),),
        links=(Link(label=f"Open {page}", url=f"/admin/{page}/?{urlencode({'organisation': slug})}"),),
        data={
            "id": notice.notice_id,
            "kind": kind.value,
            "period": notice.period.isoformat(),
            "title": str(kind.label),
            "created_at": notice.created_at.isoformat(),
        },
    )
