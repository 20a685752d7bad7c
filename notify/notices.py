"""Give a notice: once a period however often it is called for, with a delivery for each active channel."""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

import structlog

from foundation.postgres import fetch_all

log = structlog.get_logger(__name__)

#: Sorted, so that two who give the same notices do not wait for each other crosswise.
GIVE = """
WITH given AS (
    INSERT INTO quotas_notice (organisation_id, kind, period)
    SELECT * FROM unnest(%s::bigint[], %s::text[], %s::date[]) ORDER BY 1, 2, 3
        ON CONFLICT (organisation_id, kind, period) DO NOTHING
    RETURNING id, organisation_id
), sent AS (
    INSERT INTO quotas_noticedelivery (notice_id, channel_id)
    SELECT given.id, channel.id
      FROM given JOIN quotas_noticechannel AS channel USING (organisation_id)
     WHERE channel.is_active
    RETURNING id
)
SELECT (SELECT count(*) FROM given), (SELECT count(*) FROM sent)
"""


class Due(NamedTuple):
    """A notice that somebody should be given: `kind` is one of `Notice.Kind`, `period` its first day (UTC)."""

    organisation_id: int
    kind: str
    period: date


def give(due: Sequence[Due]) -> int:
    """Give the notices that were not given yet, in one statement; return how many those were."""
    if not due:
        return 0
    [(given, deliveries)] = fetch_all(GIVE, [list(column) for column in zip(*due, strict=True)])
    if given:
        log.info("notices_raised", notices=given, deliveries=deliveries)
    return int(given)
