"""Put messages on their way, in the caller's transaction: what is told is kept, or nothing is, with what it is about.

Who puts knows no channel; sending is `notify.deliveries`'.
"""

from collections.abc import Collection, Iterable

from foundation import statements
from foundation.postgres import array_of, fetch_all
from notify.message import Message, to_json
from notify.models import NoticeDelivery

PUT = statements.read(__file__, "put")
KNOWN = """
SELECT organisation_id, key FROM notify_message
  JOIN unnest(%s::bigint[], %s::text[]) AS asked(organisation_id, key) USING (organisation_id, key)
"""


def put(
    organisation_id: int,
    message: Message,
    channels: Iterable[int] | None = None,
    *,
    key: str,
    together: str = "",
    is_silenced: bool = False,
    notice_id: int | None = None,
) -> bool:
    """Put a message on its way by `channels` (ids of `NoticeChannel`), or by all active ones of the organisation.

    Once by its `key` (200 characters), which is the organisation's, however often it is put: False is for all times but
    the first. Channels of others, and those that are not active, are passed over. What was put with the same
    `together`, as the name of an evaluation, and leaves by the same channel at the same time, is one message there.
    What is silenced is in the log, and is not sent.

    One statement, without a transaction of its own: it runs in the caller's, whose rows then stand or fall with it.
    """
    bounded = message.bounded()
    named = sorted(set(channels)) if channels is not None else None
    given = {
        "organisation": organisation_id, "key": key, "kind": bounded.kind, "subject": bounded.subject,
        "together": together,
        "content": to_json(bounded), "notice": notice_id, "channels": None if named is None else array_of(named),
        "ended": NoticeDelivery.Ended.SILENCED if is_silenced else "",
    }  # fmt: skip
    [(is_new,)] = fetch_all(PUT, given)
    return bool(is_new)


def known(keys: Collection[tuple[int, str]]) -> set[tuple[int, str]]:
    """Return those pairs of organisation and key whose message was put, and is kept still."""
    return {(owner, key) for owner, key in fetch_all(KNOWN, [[one for one, _ in keys], [key for _, key in keys]])}
