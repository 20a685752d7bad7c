"""How messages fare, counted for operators. Exported as SQL, so that a scrape stays one statement."""

from dataclasses import dataclass

from foundation.postgres import fetch_as

#: What is late is measured from when it was due, and its channel had rested.
STANDING = """
SELECT count(*) FILTER (WHERE channel.is_active) AS messages_waiting,
       coalesce(max(extract(epoch FROM statement_timestamp() - greatest(delivery.not_before, channel.rests_until)))
                FILTER (WHERE channel.is_active), 0)::float8 AS oldest_message_seconds,
       (SELECT count(*) FROM quotas_noticechannel WHERE NOT is_active AND stopped_because <> '') AS channels_stopped
  FROM quotas_noticedelivery AS delivery JOIN quotas_noticechannel AS channel ON channel.id = delivery.channel_id
 WHERE delivery.delivered_at IS NULL AND delivery.ended = '' AND delivery.message_id IS NOT NULL
"""
LOST = """
SELECT count(*) AS messages, count(DISTINCT channel_id) AS channels
  FROM quotas_noticedelivery JOIN notify_message AS message ON message.id = message_id
 WHERE ended IN ('given_up', 'refused') AND message.kind <> 'test' AND message.created_at > now() - interval '1 day'
"""
MAILS = "SELECT count(*) AS channels FROM quotas_noticechannel WHERE is_active AND kind = 'email'"


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """Deliveries that are on their way, how late the latest is, and channels that their services have ended."""

    messages_waiting: int
    oldest_message_seconds: float
    channels_stopped: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Lost:
    """Messages of the last day that did not arrive, and by how many channels."""

    messages: int
    channels: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Mails:
    """Channels that send mails."""

    channels: int


def standing() -> Standing:
    """Count what is on its way."""
    return fetch_as(Standing, STANDING)


def lost() -> Lost:
    """Count what did not arrive in the last day."""
    return fetch_as(Lost, LOST)


def mail_channels() -> int:
    """Count the channels that send mails."""
    return fetch_as(Mails, MAILS).channels
