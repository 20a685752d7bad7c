"""Start and stop processes that die with us, and find loopback ports."""

import ctypes
import os
import random
import signal
import socket
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)
#: Ports that servers have been told of, which may not listen yet.
_given: set[int] = set()


class StartError(Exception):
    """Something cannot be started; the message is one line that says what to do."""


def start(
    command: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    output: IO[bytes] | int,
    last_signal: signal.Signals,
) -> "subprocess.Popen[bytes]":
    """Start `command` in a session of its own; the kernel sends it `last_signal` when the calling thread dies.

    Call it from a thread that lives as long as the process should (prctl(2), PR_SET_PDEATHSIG).
    """
    parent = os.getpid()

    def die_with_parent() -> None:
        _libc.prctl(PR_SET_PDEATHSIG, last_signal)
        if os.getppid() != parent:  # it died before we asked
            os._exit(1)

    return subprocess.Popen(  # noqa: S603 - our own commands
        command,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        preexec_fn=die_with_parent,
    )


def has_ended(process: "subprocess.Popen[bytes]") -> bool:
    """Tell whether `process` has ended; then its `returncode` is there.

    A signal's exception that is raised within `Popen.poll` leaves its lock taken, and who stops `process` would wait
    for that for ever.
    """
    with suppress(ChildProcessError):  # it was taken note of already
        if os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
            return False
    process.wait()
    return True


def stop(process: "subprocess.Popen[bytes]", *, how: signal.Signals, timeout_seconds: float) -> bool:
    """Ask `process` to end by `how`; kill it and its group after `timeout_seconds`. Tell whether it ended by itself."""
    if process.poll() is None:
        process.send_signal(how)
    try:
        process.wait(timeout_seconds)
    except subprocess.TimeoutExpired:
        return False
    finally:
        kill_group(process)
    return True


def kill_group(process: "subprocess.Popen[bytes]") -> None:
    """Kill `process`, if it lives, and what it left behind in its process group."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def free_port() -> int:
    """Return a TCP port of 127.0.0.1 that nobody listens on, below those that the kernel gives to clients; each once.

    A server that comes back must find its port free: a client's outgoing connection must not have taken it.
    """
    lowest_of_clients = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    for port in random.sample(range(10_000, max(lowest_of_clients, 20_000)), 100):
        if port in _given:
            continue
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            _given.add(port)
            return port
    raise StartError("There is no free port on 127.0.0.1.")


def is_taken(port: int) -> bool:
    """Tell whether something listens on `port` of 127.0.0.1."""
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0
