"""The address of a monitor's heartbeat: whoever has it may send one, and do nothing else. It is kept nowhere."""

import hmac
import re
import time
from functools import lru_cache
from uuid import UUID

from django.utils.crypto import salted_hmac

from alerts import changing, metrics
from alerts.models import Rule
from alerts.terms import Kind
from foundation.expiring import Expiring

TOKEN = re.compile(r"([0-9]{1,18})-([0-9a-f]{32})", re.ASCII)
#: Of a monitor, that many are counted: it is missed by the minute.
COUNT_EVERY_SECONDS = 1.0
#: For so long a process remembers what a rule's salt is, or that there is none.
KNOWN_SECONDS = 10.0
CAPACITY = 10_000

_salts: Expiring[int, str] = Expiring(capacity=CAPACITY)
_counted: Expiring[int, bool] = Expiring(capacity=CAPACITY)


def token_of(rule: Rule) -> str:
    """Return what a monitor's address ends with."""
    return f"{rule.pk}-{_proof(rule.pk, rule.salt.hex)}"


def receive(token: str) -> bool:
    """Count a heartbeat; False for an address that no active monitor has. Raises: `OperationalError`."""
    found = TOKEN.fullmatch(token)
    if not found:
        return False
    rule_id, proof = int(found[1]), found[2]
    salt = _salt(rule_id)
    if not salt or not hmac.compare_digest(_proof(rule_id, salt), proof):
        return False
    metrics.HEARTBEATS.inc()
    if _counted.get(rule_id) is None:
        changing.beat(rule_id)
        _counted.put(rule_id, True, until=time.monotonic() + COUNT_EVERY_SECONDS)
    return True


def forget() -> None:
    """Forget what is remembered of monitors."""
    _salts.clear()
    _counted.clear()


def _salt(rule_id: int) -> str:
    known = _salts.get(rule_id)
    if known is None:
        salt = Rule.objects.filter(pk=rule_id, kind=Kind.MONITOR, is_active=True).values_list("salt", flat=True).first()
        known = salt.hex if isinstance(salt, UUID) else ""
        _salts.put(rule_id, known, until=time.monotonic() + KNOWN_SECONDS)
    return known


@lru_cache(maxsize=1_000)
def _proof(rule_id: int, salt: str) -> str:
    return salted_hmac("alerts.heartbeats", f"{rule_id}.{salt}", algorithm="sha256").hexdigest()[:32]
