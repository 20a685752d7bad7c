"""Start a process that dies with us, and find loopback ports."""

import ctypes
import signal
import socket
import subprocess
from collections.abc import Mapping, Sequence
from typing import IO

PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


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

    def die_with_parent() -> None:
        _libc.prctl(PR_SET_PDEATHSIG, last_signal)

    return subprocess.Popen(  # noqa: S603 - our own commands
        command,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        preexec_fn=die_with_parent,
    )


def free_port() -> int:
    """Return a TCP port of 127.0.0.1 that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def is_taken(port: int) -> bool:
    """Tell whether something listens on `port` of 127.0.0.1."""
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0
