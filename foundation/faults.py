"""Named places where a test can make this process fail, to prove what the product promises about failures.

`LUMINALOG_FAULTS` arms them, and only in development: `after_commit=kill:n1,in_copy=raise:p0.5:n3` kills the process
the first time that it has committed a batch, and breaks every other COPY, three times in all. `stop:4` and `sleep:4`
take seconds. Before a fault acts it is written to the file `LUMINALOG_FAULTS_RECORD`, which counts across restarts.
"""

import fcntl
import os
import random
import re
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.db import OperationalError

#: Every point in the product, in the order in which a batch passes them.
POINTS = {
    "after_authentication": "the caller is known and within the limits; nothing has been kept",
    "after_spool_row": "a request of several rows has written one of them, and charged nothing",
    "before_commit": "a request with an Idempotency-Key has done everything but COMMIT",
    "after_commit": "the batch is kept; nobody knows yet",
    "before_answer": "the workers are nudged; the answer has not been sent",
    "before_store_write": "a claim is about to be sent to a log store that does not join the transaction",
    "after_store_write": "such a store has answered; nobody has verified it, and the spool has the batches",
    "after_verify": "all of a claim is in such a store; the spool has not forgotten its batches",
    "after_edge_rows": "the core has charged and kept what an edge forwards, and nothing of it is committed",
    "before_edge_commit": "as above, with all that goes along",
    "after_edge_commit": "the core keeps what an edge forwards; the edge does not know yet",
    "before_forgetting": "the core has said that it keeps them; the edge has not forgotten them yet",
    "after_forgetting": "the edge has forgotten what the core keeps; the core does not know yet",
    "after_delete": "the drain has deleted batches from the spool, uncommitted",
    "in_copy": "a batch's entries are on their way; COPY has not ended",
    "before_drain_commit": "the drain has done everything but COMMIT",
    "after_drain_commit": "the entries are stored; the worker does not know yet",
    "after_erasing": "entries are erased or rewritten, uncommitted, and nothing accounts for it yet",
    "before_erasing_commit": "erased entries are accounted for; nothing of it is committed",
    "before_recording_commit": "a recording is written and its turn is done; nothing of it is committed",
    "after_incident": "an incident is made, and nobody is told of it yet; nothing of it is committed",
    "before_alerts_commit": "an incident and its message are written; nothing of them is committed",
    "after_archive_part": "a part of a day is in the archive; nobody has noted that it is",
    "after_manifest": "a day's manifest is in the archive; the day is not noted as archived yet",
    "before_loading_part": "a part of an archive is read and verified; nothing of it is stored",
    "before_loaded_commit": "what was loaded of it is stored; it is not noted as whole yet",
    "after_loaded_removal": "what was loaded is deleted; its receipts are not",
    "after_moved_write": "entries of a day that moves are in the new store, hidden; nobody has noted that they are",
    "before_day_let_go": "all of a day is in the new store, hidden; nobody has compared it",
    "before_move_commit": "a moved day is shown, and gone where it was; nothing of that is committed",
    "between_create_and_attach": "a day's table is made, and not a partition yet",
    "between_detach_and_drop": "a day's table is no partition any more, and not gone yet",
}
RULE = re.compile(
    r"(?P<point>\w+)=(?P<action>\w+)(:(?P<seconds>\d+(\.\d+)?))?(:p(?P<probability>\d(\.\d+)?))?(:n(?P<times>\d+))?"
)
KINDS: dict[str, Callable[[str], Any]] = {"seconds": float, "probability": float, "times": int}


class InjectedError(Exception):
    """What a bug would raise: nothing in the product expects it."""


@dataclass(frozen=True, kw_only=True)
class Rule:
    """What happens at a point: an action, with a probability, at most so many times, for so many seconds."""

    point: str
    action: str
    probability: float = 1.0
    times: int = 2**31
    seconds: float = 1.0

    @property
    def name(self) -> str:
        """What a firing is recorded as."""
        return f"{self.point}={self.action}"


def reach(point: str) -> None:
    """Say that this process has come to `point` of `POINTS`; what is armed there happens now."""
    if _rules:
        _fire(point)


def read_rules(text: str) -> list[Rule]:
    """Read `LUMINALOG_FAULTS`. Raises: `ValueError` for a point, an action or an option that does not exist."""
    return [_read_rule(rule.strip()) for rule in text.split(",") if rule.strip()]


def _read_rule(text: str) -> Rule:
    rule = RULE.fullmatch(text)
    if not rule or rule["point"] not in POINTS or rule["action"] not in ACTIONS:
        raise ValueError(f"LUMINALOG_FAULTS: {text!r} is no rule for a known point")
    options = {name: KINDS[name](value) for name, value in rule.groupdict().items() if name in KINDS and value}
    return Rule(point=rule["point"], action=rule["action"], **options)


def _fire(point: str) -> None:
    for rule in _rules:
        if rule.point == point and random.random() < rule.probability and _record(rule):  # noqa: S311 - no secret
            ACTIONS[rule.action](rule.seconds)


def _record(rule: Rule) -> bool:
    """Note a firing durably, before it happens; false when it has happened often enough, here or in a predecessor."""
    descriptor = os.open(os.environ["LUMINALOG_FAULTS_RECORD"], os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(descriptor, "r+") as record:
        fcntl.flock(record, fcntl.LOCK_EX)
        if record.read().splitlines().count(rule.name) >= rule.times:
            return False
        record.write(f"{rule.name}\n")
        record.flush()
        os.fsync(record.fileno())
    return True


def _kill(_: float) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _stop(seconds: float) -> None:
    """Have another process, outside this one's group, halt it and let it go on: in this order, however busy it is."""
    halting = f"kill -STOP {os.getpid()}; sleep {seconds}; kill -CONT {os.getpid()}"
    subprocess.run(["/bin/sh", "-c", halting], start_new_session=True, check=False)  # noqa: S603 - of numbers of ours


def _raise_outage(_: float) -> None:
    raise OperationalError("injected: the server closed the connection")


def _raise_bug(_: float) -> None:
    raise InjectedError("injected")


ACTIONS: dict[str, Callable[[float], None]] = {
    "kill": _kill,
    "stop": _stop,
    "sleep": time.sleep,
    "raise": _raise_outage,
    "bug": _raise_bug,
}


def _armed(environment: Mapping[str, str]) -> list[Rule]:
    """Return the rules of `environment`. Raises: `RuntimeError` where faults could meet logs that matter."""
    text = environment.get("LUMINALOG_FAULTS", "")
    if text and environment.get("LUMINALOG_DEVELOPMENT") != "1":
        raise RuntimeError("LUMINALOG_FAULTS needs LUMINALOG_DEVELOPMENT=1: it makes the product fail.")
    if text and not Path(environment.get("LUMINALOG_FAULTS_RECORD", "")).is_absolute():
        raise RuntimeError("LUMINALOG_FAULTS needs LUMINALOG_FAULTS_RECORD, the absolute path of a file.")
    return read_rules(text)


_rules = _armed(os.environ)
