"""At an edge: bytes of a month's quota are borrowed from the core, charged here, and given back when nobody uses them.

No byte is the edge's own: the limit of each organisation is 0, and what is lent to it stands in the month's row as less
than nothing. So the ledger's statements charge what is borrowed, exactly, as they charge a quota at the core.
"""

import threading
import time
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta

import structlog
from msgspec import MsgspecError, Struct, json

from foundation.core_link import CoreLink, LinkError
from foundation.expiring import Expiring
from foundation.postgres import current_time, execute, fetch_all
from foundation.refusals import Refusal
from quotas import borrowed, installation, ledger
from quotas.borrowed import Open
from quotas.lending import AHEAD

log = structlog.get_logger(__name__)

PATH = "/v1/edge/grants"
#: So much is borrowed at a time, if there was nobody who sent before: less would be asked for again at once.
LEAST_BYTES = 64 * 2**10
#: As much as was charged in so long.
DEMAND_SECONDS = 30.0
#: For so long nobody who waits for a loan holds a thread.
PATIENCE_SECONDS = 2.0
IDLE_SECONDS = 60.0
WORD_SECONDS = 0.5

TOLD = """
UPDATE quotas_borrowed SET is_told = true WHERE organisation_id = %s AND period = %s AND returned_bytes <= %s
"""
NOTE_USE = """
UPDATE quotas_borrowed AS borrowed SET used_bytes = usage.used_bytes, used_at = now()
  FROM quotas_monthlyusage AS usage
 WHERE usage.organisation_id = borrowed.organisation_id AND usage.period = borrowed.period
   AND usage.used_bytes <> borrowed.used_bytes
"""
#: Who has sent just now, what they hold of the month, and what came back of the next one, of which they hold nothing.
SENDING = """
SELECT borrowed.organisation_id, greatest(0, borrowed.lent_bytes - borrowed.returned_bytes - usage.used_bytes)::bigint,
       coalesce(next.returned_bytes, 0)
  FROM quotas_borrowed AS borrowed JOIN quotas_monthlyusage AS usage USING (organisation_id, period)
  LEFT JOIN quotas_borrowed AS next ON next.organisation_id = borrowed.organisation_id AND next.period = %(following)s
 WHERE borrowed.period = %(period)s AND borrowed.used_at > now() - make_interval(secs => %(idle_seconds)s)
   AND coalesce(next.lent_bytes, 0) = coalesce(next.returned_bytes, 0)
 ORDER BY 1
"""


class Loan(Struct, frozen=True, kw_only=True):
    """As the core answers: see `quotas.lending.Answer`."""

    organisation_id: int
    period: date
    lent_bytes: int
    returned_bytes: int
    limit_bytes: int
    used_bytes: int
    may_come_back: bool
    is_called_back: bool


class Loans(Struct, frozen=True, kw_only=True):
    """What the core answers to `PATH`."""

    loans: list[Loan]
    is_retiring: bool
    resets_at: str


#: Why there is no room: as the core has said, or that it has said nothing.
_words: Expiring[int, Refusal] = Expiring(capacity=10_000)
#: How much each organisation had used when it borrowed last, and when that was.
_uses: Expiring[int, tuple[float, int]] = Expiring(capacity=10_000)
_link = CoreLink(seconds=PATIENCE_SECONDS)
_turn = threading.Lock()


def make_room(organisation_id: int, size_bytes: int) -> None:
    """Borrow so much for this month, and as much as will be used soon; without success `refusal` says why.

    In no transaction that holds a row of the ledger: the core is asked, for `PATIENCE_SECONDS` at most.
    """
    if _words.get(organisation_id) or not _turn.acquire(timeout=PATIENCE_SECONDS):
        return
    try:
        period = current_time().date().replace(day=1)
        used, lent, returned = borrowed.look(organisation_id, period)
        if lent - returned - used < size_bytes:
            needed = returned + used + size_bytes
            wanted = needed + _demand(organisation_id, used)
            _borrow(organisation_id, period, needed=needed, wanted=wanted, returned=returned)
    finally:
        _turn.release()


def refusal(organisation_id: int) -> Refusal:
    """Return why there is no room for a batch. Only the core can say that a quota is spent."""
    return _words.get(organisation_id) or Refusal("storage_unavailable", AWAY, retry_after_seconds=5)


AWAY = "The quota here is spent, and the core that could lend more of it was not heard. Retry with backoff."
ELSEWHERE = "What is left of the monthly quota is lent elsewhere, and was called back. Retry."


def sync(link: CoreLink, told: dict[str, object], *, clock: Callable[[], datetime] = current_time) -> Loans:
    """Give back what nobody uses, and tell the core how all loans stand, with what else there is to be told.

    In a month's last hour who sends is lent of the next month, too: it may begin without the core.

    Raises: `LinkError`, `OperationalError`.
    """
    execute(NOTE_USE)
    now = clock()
    for loan in borrowed.open_loans():
        is_idle = loan.idle_seconds > IDLE_SECONDS and loan.period <= now.date()
        if loan.unspent_bytes and (is_idle or not _is_current(loan.period, now.date())):
            borrowed.give_back(loan.organisation_id, loan.period)
    loans = _tell(link, borrowed.open_loans(), told, ahead=_ahead(now))
    called = [one for one in loans.loans if one.is_called_back or loans.is_retiring]
    if called:
        for one in called:
            borrowed.give_back(one.organisation_id, one.period)
        loans = _tell(link, borrowed.open_loans(), told)
    return loans


def begin_anew() -> None:
    """Forget what this process knows."""
    _words.clear()
    _uses.clear()


def _is_current(period: date, today: date) -> bool:
    """Tell whether a month is this one, or the next one within a day of its beginning."""
    return period in (today.replace(day=1), (today + timedelta(days=1)).replace(day=1))


def _demand(organisation_id: int, used: int) -> int:
    """Return how many bytes will be used in the next time, by those since it was asked last."""
    now = time.monotonic()
    before = _uses.get(organisation_id)
    _uses.put(organisation_id, (now, used), until=now + 10 * IDLE_SECONDS)
    if before is None or used <= before[1]:
        return LEAST_BYTES
    return max(LEAST_BYTES, int((used - before[1]) / max(now - before[0], 0.1) * DEMAND_SECONDS))


def _borrow(organisation_id: int, period: date, *, needed: int, wanted: int, returned: int) -> None:
    ask = {
        "organisation_id": organisation_id,
        "period": period,
        "wanted_bytes": wanted,
        "needed_bytes": needed,
        "returned_bytes": returned,
    }
    try:
        loans = _ask(_link, [ask], {})
    except LinkError as error:
        log.warning("loan_failed", organisation_id=organisation_id, error=str(error))
        _remember(organisation_id, Refusal("storage_unavailable", AWAY, retry_after_seconds=5))
        return
    for loan in loans.loans:
        borrowed.take(loan.organisation_id, loan.period, lent_bytes=loan.lent_bytes)
        if loan.lent_bytes < needed:
            _remember(organisation_id, _why(loan, loans.resets_at))
    if not loans.loans:
        _remember(organisation_id, Refusal("storage_unavailable", AWAY, retry_after_seconds=5))


def _why(loan: Loan, resets_at: str) -> Refusal:
    if loan.may_come_back:
        return Refusal("overloaded", ELSEWHERE, retry_after_seconds=ledger.RECALL_SECONDS)
    return Refusal(
        "quota_exhausted",
        f"The monthly quota of {loan.limit_bytes} bytes has no room for this batch: {loan.used_bytes} bytes are used.",
        retry_after_seconds=max(1, ledger.seconds_left()),
        members={
            "scope": "organisation",
            "limit": loan.limit_bytes,
            "used": loan.used_bytes,
            "resets_at": resets_at,
        },
    )


def remembered(organisation_id: int) -> Refusal | None:
    """Return `refusal` as this process has found it a moment ago, if it has."""
    return _words.get(organisation_id)


def _remember(organisation_id: int, why: Refusal) -> None:
    _words.put(organisation_id, why, until=time.monotonic() + WORD_SECONDS)


def _ahead(now: datetime) -> list[dict[str, object]]:
    """Return what is asked for of the next month, once that is lent: as much as whoever sends holds of this one."""
    period, following = now.date().replace(day=1), (now + AHEAD).date().replace(day=1)
    if following == period:
        return []
    sending = fetch_all(SENDING, {"period": period, "following": following, "idle_seconds": IDLE_SECONDS})
    return [
        {
            "organisation_id": organisation_id,
            "period": following,
            "wanted_bytes": returned + max(LEAST_BYTES, unspent),
            "returned_bytes": returned,
        }
        for organisation_id, unspent, returned in sending
    ]


def _tell(
    link: CoreLink, loans: Sequence[Open], told: dict[str, object], *, ahead: Sequence[dict[str, object]] = ()
) -> Loans:
    asks: list[dict[str, object]] = [
        {
            "organisation_id": one.organisation_id,
            "period": one.period,
            "wanted_bytes": one.lent_bytes,
            "returned_bytes": one.returned_bytes,
        }
        for one in loans
    ]
    answered = _ask(link, [*asks, *ahead], told)
    for loan in answered.loans:
        borrowed.take(loan.organisation_id, loan.period, lent_bytes=loan.lent_bytes)
        execute(TOLD, [loan.organisation_id, loan.period, loan.returned_bytes])
    return answered


def _ask(link: CoreLink, asks: Sequence[dict[str, object]], told: dict[str, object]) -> Loans:
    body = json.encode({**told, "installation": str(installation.own()), "asks": asks})
    try:
        return json.decode(link.post(PATH, body).body, type=Loans)
    except MsgspecError as error:
        raise LinkError("the core's answer cannot be read") from error
