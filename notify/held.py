"""What this room holds of values that clients sent: messages that quote their entries, and what was sent of them."""

from collections.abc import Iterator
from typing import Any

from accounts.held import changed, cut
from foundation.holdings import Belongings, Holding, Wanted, register
from notify import retention
from notify.models import MessageRecord, NoticeDelivery


def _messages(wanted: Wanted) -> Iterator[tuple[Any, dict[str, Any]]]:
    rows = MessageRecord.objects.filter(organisation_id=wanted.organisation_id)
    return changed(rows, ("content",), wanted)


def _bodies(wanted: Wanted) -> Iterator[tuple[Any, dict[str, Any]]]:
    rows = NoticeDelivery.objects.filter(message__organisation_id=wanted.organisation_id).exclude(body="")
    return changed(rows, ("body",), wanted)


def _count(wanted: Wanted) -> int:
    return sum(1 for found in (_messages(wanted), _bodies(wanted)) for _ in found)


def _erase(wanted: Wanted) -> int:
    return cut(MessageRecord, _messages(wanted)) + cut(NoticeDelivery, _bodies(wanted))


MESSAGES = Holding(name="messages of notices and alerts", count=_count, erase=_erase)

#: Later than alerts, by its name: of an incident that is there, people were told.
TOLD = Belongings(name="notices and channels", forget=retention.forget_organisation)

register(MESSAGES, TOLD)
