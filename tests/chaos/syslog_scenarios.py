"""The process that listens for syslog is broken: it has no acknowledgement to give, so what it may lose is counted."""

import json
import signal
import socket
from collections.abc import Sequence

from embedded.processes import free_port
from tests.chaos.stack import Stack
from tests.chaos.trial import FIRE_SECONDS, Trial, scenario
from tests.waiting import wait_until

KILLS, BURST = 3, 2_000


@scenario("kill syslog", final=True)
def syslog_dies(trial: Trial) -> None:
    """The process that listens for syslog is killed in a burst: what was safe stays, and nothing comes twice."""
    stack, port = trial.stack, free_port()
    stack.manage("create_org", "routers", "--plan", "scale", "--project", "shop")
    made = stack.manage("create_key", "routers", "shop", "--name", "syslog", "--json")
    keys = stack.folder / "syslog.keys"
    keys.write_text(f"* {json.loads(made)['api_key']}\n")
    stack.add("syslog", LUMINALOG_SYSLOG=f"tcp://127.0.0.1:{port}?keys={keys}")
    sent, lost = 0, 0
    for _ in range(KILLS):
        safe = sent + BURST
        with _connection(port) as sender:
            _send(sender, range(sent, safe))
            before = _wait_for(stack, range(sent, safe))
            _send(sender, range(safe, safe + BURST))
            killed = stack.pid("syslog")
            stack.signal("syslog", signal.SIGKILL)
        _wait_for_another(stack, killed)
        trial.note("kill syslog")
        sent = safe + BURST
        with _connection(port) as sender:  # started again
            _send(sender, [sent])
            stored = _wait_for(stack, [sent])
        assert stored >= before, "what was safe is gone"
        lost += sum(number not in stored for number in range(safe, sent))
        sent += 1
    print(f"  of {sent} messages of syslog {lost} were lost, in {KILLS} bursts of {BURST} at whose end it was killed")
    assert lost <= KILLS * BURST
    stack.remove("syslog")
    stack.manage("erase", "--organisation=routers", "message:routers", "--yes")
    assert not _stored(stack)


def _wait_for_another(stack: Stack, pid: int) -> None:
    """Wait until the process that was killed is gone, and another one started: a connection may reach neither."""
    wait_until(lambda: stack.pid("syslog") != pid, what=stack.tail_of_logs, seconds=FIRE_SECONDS)


def _connection(port: int) -> socket.socket:
    def connected() -> socket.socket | None:
        try:
            return socket.create_connection(("127.0.0.1", port))
        except OSError:
            return None

    return wait_until(connected, what="a listener for syslog", seconds=FIRE_SECONDS)


def _send(sender: socket.socket, numbers: Sequence[int]) -> None:
    for number in numbers:
        sender.sendall(b"<14>1 2026-01-26T14:30:00Z - - - - - of routers %d\n" % number)


def _wait_for(stack: Stack, numbers: Sequence[int]) -> set[int]:
    """Return the numbers that are stored once these are."""
    return wait_until(
        lambda: found if (found := _stored(stack)) >= set(numbers) else None,
        what=stack.tail_of_logs,
        seconds=FIRE_SECONDS,
    )


def _stored(stack: Stack) -> set[int]:
    """Return the numbers of the messages that are stored, each of them once."""
    numbers = [int(row["message"].split()[-1]) for row in stack.entries.beginning_with("of routers")]
    assert len(numbers) == len(set(numbers)), "a message came twice"
    return set(numbers)
