"""At an edge: the process of its link. It forwards, mirrors the directory, and keeps the loans even."""

import time
from datetime import UTC, datetime
from functools import partial
from http import HTTPStatus

import structlog
from django.conf import settings
from django.db import InterfaceError, OperationalError, connection
from msgspec import MsgspecError
from redis import RedisError

from accounts import trust
from edges import directory, metrics
from edges.forwarding import GROUP_BATCHES, Forwarder
from foundation.core_link import CoreLink, LinkError
from foundation.postgres import discard_if_dead
from foundation.threads import Background
from ingest.spool import backlog
from quotas import borrowing, installation, reports, shares

log = structlog.get_logger(__name__)

MIRROR_EVERY_SECONDS, SYNC_EVERY_SECONDS = 2.0, 5.0
#: Behind a group that was not full: what comes meanwhile shares the next request, which costs core and edge some twenty
#: statements whatever is in it.
GATHER_SECONDS = 0.1
#: Between two tries when the core does not answer: no longer than the last.
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.25, 5.0
PATH = "/v1/edge/directory"


def run() -> None:
    """Serve the link until the process is stopped."""
    threads = [
        Background("edge_mirror", partial(mirror, CoreLink()), every=MIRROR_EVERY_SECONDS, retry=MIRROR_EVERY_SECONDS),
        Background("edge_sync", partial(sync, CoreLink()), every=SYNC_EVERY_SECONDS, retry=SYNC_EVERY_SECONDS),
    ]
    for thread in threads:
        thread.wake()
    forwarder, pause = Forwarder(CoreLink(seconds=30)), FIRST_PAUSE_SECONDS
    while True:
        pause = _forward(forwarder, pause)


def mirror(link: CoreLink) -> bool:
    """Ask the core who may call here, and take it over if it has changed; tell whether it has.

    Raises: `LinkError`, `OperationalError`.
    """
    discard_if_dead()
    known = trust.digest()
    answered = link.get(
        f"{PATH}?installation={installation.own()}", headers={"If-None-Match": f'"{known}"'} if known else {}
    )
    is_new = answered.status == HTTPStatus.OK
    if is_new:
        try:
            directory.write(answered.body)
        except MsgspecError as error:
            raise LinkError("the core's directory cannot be read") from error
    else:
        trust.confirm(known)
    metrics.MIRROR_SECONDS.set_to_current_time()
    return is_new


def sync(link: CoreLink) -> None:
    """Give back what nobody uses, of bytes and of requests, and tell the core how this edge is and what it refused.

    Raises: `LinkError`, `OperationalError`.
    """
    discard_if_dead()
    spool = backlog.measure()
    told = {
        "version": settings.VERSION,
        "clock": datetime.now(UTC).timestamp(),
        "waiting_batches": spool.rows,
        "waiting_bytes": spool.bytes,
        "oldest_seconds": spool.oldest_seconds,
    }
    borrowing.sync(link, told)
    reports.send(link)
    try:
        shares.sync(link)
    except RedisError as error:  # without Valkey each process limits by itself
        log.warning("shares_not_told", error=type(error).__name__)


def _forward(forwarder: Forwarder, pause: float) -> float:
    """Forward once; return how long to pause when it fails next."""
    try:
        discard_if_dead()
        if forwarder.forward() < GROUP_BATCHES:
            time.sleep(GATHER_SECONDS)
        return FIRST_PAUSE_SECONDS
    except LinkError as error:
        metrics.LINK_FAILURES.labels("batches").inc()
        log.warning("forwarding_failed", error=str(error))
        time.sleep(max(pause, min(error.retry_after_seconds, LONGEST_PAUSE_SECONDS)))
    except (OperationalError, InterfaceError) as error:
        log.warning("storage_unavailable", error=type(error).__name__)
        connection.close()
        time.sleep(pause)
    return min(2 * pause, LONGEST_PAUSE_SECONDS)
