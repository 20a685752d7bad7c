"""A decision as a text that its reader may hand back, to have it taken back: bound to the organisation, for an hour."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.core import signing
from django.utils.html import format_html
from django.utils.safestring import SafeString

from issues import changing
from issues.changing import Actor, ChangeRefused, Decided
from issues.models import Group

LASTS = timedelta(hours=1)
#: Of a decision, what JSON does not know.
_MOMENTS = ("state_at", "ignored_until")


def with_button(said: str, decisions: Sequence[Decided], *, organisation_id: int) -> str | SafeString:
    """Return what is said of decisions, with a button of the form `undo` that takes them back."""
    if not decisions:
        return said
    text = signing.dumps(
        [[one.number, _plain(one.now), _plain(one.before)] for one in decisions],
        salt=_salt(organisation_id), compress=True,
    )  # fmt: skip
    button = '{} <button class="ll-button" form="undo" name="undo" value="{}">Undo</button>'
    return format_html(button, said, text)


def undo(organisation_id: int, text: str, *, by: Actor) -> list[str]:
    """Take the decisions of a button back; return which could not be. Raises: `ChangeRefused`, later on."""
    try:
        rows = signing.loads(text, salt=_salt(organisation_id), max_age=LASTS)
    except signing.BadSignature as error:
        raise ChangeRefused("That cannot be taken back any more.") from error
    refused = []
    for number, now, before in rows:
        try:
            changing.take_back(organisation_id, Decided(number, _read(now), _read(before)), by=by)
        except Group.DoesNotExist:
            refused.append(f"#{number}: it is gone.")
        except ChangeRefused as error:
            refused.append(f"#{number}: {error}")
    return refused


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in values.items()}


def _read(values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: datetime.fromisoformat(value) if name in _MOMENTS and value else value for name, value in values.items()
    }


def _salt(organisation_id: int) -> str:
    return f"issues.undo.{organisation_id}"
