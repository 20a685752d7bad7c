"""The parts of the product: which processes it consists of, and how one is started, watched and stopped."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import IO

from embedded.heir import Heir
from embedded.processes import has_ended, kill_group, start, stop

FIRST_PAUSE_SECONDS = 0.25
LONGEST_PAUSE_SECONDS = 30.0
#: A part that ran this long had started well: its next pause is the first again.
GOOD_RUN_SECONDS = 60.0

Launch = Callable[[IO[bytes]], "subprocess.Popen[bytes]"]


@dataclass(kw_only=True)
class Part:
    """One long-running process; `launch` starts it. A part that dies is started again after a pause that grows."""

    name: str
    launch: Launch
    stop_signal: signal.Signals = signal.SIGTERM
    stop_seconds: float = 2.0
    process: "subprocess.Popen[bytes] | None" = None
    pause_seconds: float = FIRST_PAUSE_SECONDS
    started_at: float = 0.0
    due_at: float | None = None
    heir: Heir | None = None

    def start(self, output: IO[bytes]) -> None:
        """Start it now."""
        self.process = self.launch(output)
        if self.heir:
            self.heir.note(self.process.pid)
        self.started_at, self.due_at = time.monotonic(), None

    def watch(self, output: IO[bytes]) -> str | None:
        """Start it again when it is dead and its pause is over; return what there is to say about it."""
        if self.process is None or not has_ended(self.process):
            return None
        if self.due_at is None:
            return self._died()
        if time.monotonic() < self.due_at:
            return None
        self.due_at = time.monotonic() + self.pause_seconds  # in case it cannot be started
        self.start(output)
        return "started again"

    def stop(self) -> str | None:
        """Stop it; return a complaint when it had to be killed."""
        if self.process is None:
            return None
        ended = stop(self.process, how=self.stop_signal, timeout_seconds=self.stop_seconds)
        self._forget()
        return None if ended else f"did not end within {self.stop_seconds:g} s and was killed"

    def _forget(self) -> None:
        if self.heir and self.process:
            self.heir.forget(self.process.pid)

    def _died(self) -> str:
        assert self.process
        kill_group(self.process)
        self._forget()
        now = time.monotonic()
        if now - self.started_at > GOOD_RUN_SECONDS:
            self.pause_seconds = FIRST_PAUSE_SECONDS
        self.due_at = now + self.pause_seconds
        said = f"ended with code {self.process.returncode}; starting it again in {self.pause_seconds:g} s"
        self.pause_seconds = min(2 * self.pause_seconds, LONGEST_PAUSE_SECONDS)
        return said


#: One process of threads: no child of it can be left behind, and a drain spends its time in C and in PostgreSQL.
WORKER = [
    "celery", "--quiet", "-A", "luminalog", "worker", "--pool", "threads", "--concurrency", "2",
    "--loglevel", "WARNING", "--without-gossip", "--without-mingle", "--without-heartbeat",
]  # fmt: skip
BEAT = ["celery", "--quiet", "-A", "luminalog", "beat", "--pidfile=", "--loglevel", "WARNING"]
GRANIAN = ["granian", "--host", "127.0.0.1", "--workers", "1", "--workers-kill-timeout", "1", "--log-level", "error"]
RSGI = ["--interface", "rsgi", "--no-ws", "luminalog.rsgi:application"]
ASGI = ["--interface", "asginl", "luminalog.asgi:application"]
MCP = ["--interface", "asgi", "luminalog.mcp:application"]
LINK = ["manage", "edge_link"]
SYSLOG = ["manage", "syslog"]
#: A store of this scheme is a core's: this is an edge of it.
EDGE_OF = "edge+"


def is_edge(env: Mapping[str, str]) -> bool:
    """Tell whether an environment is an edge's."""
    return env.get("STORE_URL", "").startswith(EDGE_OF)


def product_parts(
    env: Mapping[str, str], *, port: int, tail_port: int, mcp_port: int | None = None, heir: Heir | None = None
) -> list[Part]:
    """Return our own processes in the order of their start, MCP only with a port; they stop in the reverse order.

    At an edge nobody reads, and one speaks with the core.
    """
    syslog = [_python("syslog", *SYSLOG, env=env, heir=heir, stop_seconds=6.0)] if env.get("LUMINALOG_SYSLOG") else []
    if is_edge(env):
        return [
            _python("worker", *WORKER, env=env, heir=heir, stop_seconds=2.5),
            _python("beat", *BEAT, env=env, heir=heir, stop_seconds=1.2),
            _python("link", *LINK, env=env, heir=heir, stop_seconds=2.0),
            *syslog,
            _python("web", *GRANIAN, "--port", str(port), *RSGI, env=env, heir=heir, stop_seconds=2.0),
        ]
    mcp = [_python("mcp", *GRANIAN, "--port", str(mcp_port), *MCP, env=env, heir=heir, stop_seconds=1.0)]
    return [
        _python("worker", *WORKER, env=env, heir=heir, stop_seconds=2.5),
        _python("beat", *BEAT, env=env, heir=heir, stop_seconds=1.2),
        _python("tail", *GRANIAN, "--port", str(tail_port), *ASGI, env=env, heir=heir, stop_seconds=1.0),
        *(mcp if mcp_port else []),
        *syslog,
        _python("web", *GRANIAN, "--port", str(port), *RSGI, env=env, heir=heir, stop_seconds=2.0),
    ]


def _python(name: str, *arguments: str, env: Mapping[str, str], heir: Heir | None, stop_seconds: float) -> Part:
    command = [sys.executable, "-m", *arguments]
    part_env = {**env, "LUMINALOG_PROCESS": name}

    def launch(output: IO[bytes]) -> "subprocess.Popen[bytes]":
        return start(command, env=part_env, output=output, last_signal=signal.SIGTERM)

    return Part(name=name, launch=launch, heir=heir, stop_seconds=stop_seconds)
