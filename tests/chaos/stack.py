"""The whole product in a folder, made of the runner's own parts, with a proxy on every link between them.

Its entries are in PostgreSQL, or in a ClickHouse out of the wheel.
"""

import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

import psycopg
import redis
import requests
from prometheus_client.parser import text_string_to_metric_families

from embedded import environment
from embedded.clickhouse import EmbeddedClickHouse
from embedded.parts import FIRST_PAUSE_SECONDS, Part, product_parts
from embedded.postgres import EmbeddedPostgres
from embedded.processes import free_port
from embedded.valkey import EmbeddedValkey
from tests.acceptance.product import OWN
from tests.chaos import disks
from tests.chaos.disks import Disk
from tests.chaos.entries import CLICKHOUSE, POSTGRESQL, Entries, OfClickHouse, OfPostgres
from tests.chaos.proxy import Link, Proxy
from tests.waiting import wait_until

READY_SECONDS = 60
LINKS = ("client-web", "web-postgres", "web-valkey", "worker-postgres", "worker-valkey")
STORE_LINKS = ("web-clickhouse", "worker-clickhouse")
#: Which links the parts use; beat and the tail share the worker's.
SIDES = {"web": "web", "worker": "worker", "beat": "worker", "tail": "worker", "link": "worker", "syslog": "web"}


class Stack:
    """PostgreSQL, Valkey, perhaps ClickHouse, worker, beat, tail and web, supervised as `manage.py up` supervises them.

    A thread starts every part, since the kernel ends a part with the thread that started it.
    """

    ours: tuple[str, ...] = ("worker", "beat", "tail", "web")

    def __init__(self, folder: Path, *, store: str = POSTGRESQL, with_disks: bool = False) -> None:
        self.folder = folder
        self.with_disks = with_disks
        self.disks: dict[str, Disk] = {}
        self.logs = folder / "logs"
        self.fault_record = folder / "faults"
        self.port, self.tail_port = free_port(), free_port()
        self.postgres = EmbeddedPostgres(folder / "postgres", settings=disks.SETTINGS if with_disks else {})
        self.valkey = EmbeddedValkey(folder / "valkey")
        self.clickhouse = EmbeddedClickHouse(folder / "clickhouse") if store == CLICKHOUSE else None
        self.proxy = Proxy()
        self.links: dict[str, Link] = {}
        self.parts: dict[str, Part] = {}
        self.armed: set[str] = set()
        self.env: dict[str, str] = {}
        self._files: dict[str, IO[bytes]] = {}
        self._orders: queue.Queue[tuple[Callable[[], Any], Future[Any]]] = queue.Queue()
        self._ends = threading.Event()
        self._supervisor = threading.Thread(target=self._supervise, name="supervisor", daemon=True)

    @cached_property
    def entries(self) -> Entries:
        """What is stored, past all proxies."""
        return OfClickHouse(self.clickhouse.url) if self.clickhouse else OfPostgres(self.postgres.url)

    # --- life ---

    def start(self) -> "Stack":
        """Start everything, with an empty database, and wait until it is ready."""
        self.logs.mkdir(parents=True)
        self._supervisor.start()
        self._order(self._start_servers)
        self.env = self._environment("direct")
        self.manage("prepare")
        self._order(self._start_ours)
        self.wait_until_ready()
        return self

    def stop(self) -> None:
        """Stop everything; nothing is left."""
        self._order(self._stop_parts)
        self._ends.set()
        self._supervisor.join()
        self.proxy.close()
        for file in self._files.values():
            file.close()

    def wait_until_ready(self, seconds: float = READY_SECONDS) -> None:
        """Return when readiness is green without a reservation."""
        wait_until(self._is_ready, what=self.tail_of_logs, seconds=seconds)

    # --- parts ---

    def pid(self, name: str) -> int:
        """Return the process id of a part, once it runs."""
        wait_until(lambda: self._process(name).poll() is None, what=self.tail_of_logs, seconds=READY_SECONDS)
        return self._process(name).pid

    def processes(self, name: str) -> list[int]:
        """Return the process ids of a part and all its children."""
        found = [self.pid(name)]
        for pid in found:
            for children in Path(f"/proc/{pid}/task").glob("*/children"):
                found += map(int, children.read_text().split())
        return found

    def signal(self, name: str, number: signal.Signals, *, whole: bool = False) -> None:
        """Send a signal to a part's process, or to all of its processes."""
        for pid in self.processes(name) if whole else [self.pid(name)]:
            os.kill(pid, number)

    @contextmanager
    def halted(self, name: str) -> Iterator[None]:
        """Stop all processes of a part in their tracks: it keeps its connections and says nothing."""
        halted = self.processes(name)
        for pid in halted:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in halted:
                os.kill(pid, signal.SIGCONT)

    def restart(self, name: str, **environ: str) -> None:
        """Stop a part as an operator does, and start it with `environ` added to its environment."""
        self._order(lambda: self._restart(name, environ))

    def add(self, name: str, **environ: str) -> None:
        """Start a part that is off by itself."""
        self._order(lambda: self._add(self._make(name, **environ)))

    def remove(self, name: str) -> None:
        """Stop a part for good."""
        self._order(lambda: self.parts.pop(name).stop())

    def arm(self, **faults: str) -> None:
        """Restart parts with these fault points armed."""
        for name, plan in faults.items():
            self.armed.add(name)
            self.restart(name, LUMINALOG_FAULTS=plan, LUMINALOG_FAULTS_RECORD=str(self.fault_record))

    def disarm(self) -> None:
        """Restart the parts whose fault points are armed, without."""
        for name in sorted(self.armed):
            self.restart(name)
        self.armed.clear()
        self.wait_until_ready()

    def failed_checks(self) -> set[str]:
        """Return which checks of readiness fail now; `web` when it does not answer."""
        try:
            checks: dict[str, str] = requests.get(f"{self.direct_url}/readyz", timeout=5).json()["checks"]
        except requests.RequestException:
            return {"web"}
        return {name for name, said in checks.items() if said != "ok"}

    def metric(self, name: str) -> float:
        """Return the sum of a metric's samples."""
        headers = {"Authorization": f"Bearer {environment.metrics_token(self.folder)}"}
        told = requests.get(f"{self.direct_url}/metrics", headers=headers, timeout=READY_SECONDS)
        families = text_string_to_metric_families(told.text)
        return sum(one.value for family in families for one in family.samples if one.name == name)

    # --- use ---

    @property
    def url(self) -> str:
        """Where clients send logs: through the first proxy."""
        return f"http://127.0.0.1:{self.links['client-web'].port}/v1/logs"

    @property
    def direct_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def query(self, statement: str, *parameters: object) -> list[tuple[Any, ...]]:
        """Run `statement` in the database, past all proxies; return the rows."""
        with psycopg.connect(self.postgres.url, autocommit=True, application_name="witness") as connection:
            cursor = connection.execute(statement.encode(), parameters or None)
            return cursor.fetchall() if cursor.description else []

    def count(self, statement: str) -> int:
        """Return the one number that a statement answers."""
        [(number,)] = self.query(statement)
        return int(number)

    def spooled(self) -> int:
        """Count the batches that are in no log store."""
        return self.count("SELECT count(*) FROM ingest_spooledbatch")

    def valkey_client(self) -> redis.Redis:
        """Return a client of Valkey, past all proxies."""
        return redis.Redis.from_url(self.valkey.url, socket_timeout=5, protocol=2)

    def manage(self, *command: str, **environ: str) -> str:
        """Run a `manage.py` command past all proxies; return what it prints."""
        return self.run(str(environment.PROJECT / "manage.py"), *command, **environ)

    def begin(self, *command: str, **environ: str) -> "subprocess.Popen[bytes]":
        """Begin a `manage.py` command past all proxies; what it prints is in its log."""
        program = [sys.executable, str(environment.PROJECT / "manage.py"), *command]
        log = self._log(command[0])
        return subprocess.Popen(program, env=self.env | environ, stdout=log, stderr=log, cwd=self.folder)

    def call(self, task: str) -> None:
        """Have the worker run a task."""
        self.run("-m", "celery", "-A", "luminalog", "call", task)

    def run(self, *arguments: str, **environ: str) -> str:
        """Run Python with the product's environment; return what it prints."""
        done = subprocess.run(
            [sys.executable, *arguments], env=self.env | environ, capture_output=True, text=True, timeout=90,
            check=False, cwd=self.folder,
        )  # fmt: skip
        assert done.returncode == 0, f"{arguments}: {done.returncode}\n{done.stdout[-3000:]}{done.stderr[-3000:]}"
        return done.stdout

    def firings(self) -> list[str]:
        """Return what the fault points did, one `point=action` a firing."""
        return self.fault_record.read_text().splitlines() if self.fault_record.exists() else []

    def tail_of_logs(self) -> str:
        """Return the ends of all logs, for an explanation."""
        return "\n".join(f"--- {path.name}\n{path.read_text(errors='replace')[-1500:]}" for path in self.logs.iterdir())

    # --- on the supervisor's thread ---

    def _supervise(self) -> None:
        while not self._ends.is_set():
            try:
                work, future = self._orders.get(timeout=0.1)
            except queue.Empty:
                self._watch()
                continue
            try:
                future.set_result(work())
            except BaseException as error:
                future.set_exception(error)

    def _order(self, work: Callable[[], Any]) -> Any:
        future: Future[Any] = Future()
        self._orders.put((work, future))
        return future.result(READY_SECONDS)

    def _watch(self) -> None:
        for name, part in self.parts.items():
            part.pause_seconds = FIRST_PAUSE_SECONDS  # as often as it dies
            part.watch(self._log(name))

    def _start_servers(self) -> None:
        self._add(Part(name="postgres", launch=self.postgres.launch, stop_signal=signal.SIGINT, stop_seconds=8))
        self._add(Part(name="valkey", launch=self.valkey.launch))
        self.postgres.wait_until_ready()
        self.valkey.wait_until_ready()
        if self.with_disks:
            self._move_onto_disks()
        targets = {"web": self.port, "postgres": self.postgres.port, "valkey": self.valkey.port}
        if self.clickhouse:
            self._add(Part(name="clickhouse", launch=self.clickhouse.launch))
            self.clickhouse.wait_until_ready()
            targets["clickhouse"] = self.clickhouse.port
        for name in LINKS + (STORE_LINKS if self.clickhouse else ()):
            self.links[name] = self.proxy.link(name, target_port=targets[name.split("-")[1]])

    def _move_onto_disks(self) -> None:
        """Put PostgreSQL's data and its log, now that they are made, onto disks of their own."""
        self.parts["postgres"].stop()
        self.disks["data"] = Disk(self.postgres.folder, mib=disks.DATA_MIB)
        self.disks["wal"] = Disk(self.postgres.data / "pg_wal", mib=disks.WAL_MIB)
        self.parts["postgres"].start(self._log("postgres"))
        self.postgres.wait_until_ready()

    def _start_ours(self) -> None:
        for name in self.ours:
            self._add(self._make(name))

    def _stop_parts(self) -> None:
        for part in reversed(self.parts.values()):
            part.stop()

    def _add(self, part: Part) -> None:
        self.parts[part.name] = part
        part.start(self._log(part.name))

    def _restart(self, name: str, environ: dict[str, str]) -> None:
        old = self.parts[name]
        old.stop()
        if name in SIDES:
            self._add(self._make(name, **environ))
        else:  # a server reads the environment of the thread's process
            os.environ.update(environ)
            try:
                old.start(self._log(name))
            finally:
                for variable in environ:
                    del os.environ[variable]

    def _make(self, name: str, **environ: str) -> Part:
        env = self._environment(SIDES[name]) | environ
        made = product_parts(env, port=self.port, tail_port=self.tail_port)
        return next(part for part in made if part.name == name)

    def _environment(self, side: str) -> dict[str, str]:
        """Return the environment of the parts on one side; `direct` is past all proxies."""
        postgres, valkey = self.postgres.url, self.valkey.url
        if side != "direct":
            postgres = _through(postgres, self.links[f"{side}-postgres"])
            valkey = _through(valkey, self.links[f"{side}-valkey"])
        servers = {
            **self._store(side),
            "DATABASE_URL": postgres + "?sslmode=disable&gssencmode=disable",  # the proxy reads what is said
            "VALKEY_URL": valkey,
            **(disks.NO_FENCE if self.with_disks else {}),
            "LUMINALOG_TAIL_URL": f"http://127.0.0.1:{self.tail_port}",
        }
        env = environment.compute(self.folder, servers=servers)
        return {name: value for name, value in env.items() if name in servers or name not in OWN} | {
            "SECRET_KEY": environment.secret_key(self.folder),
            "PYTHONWARNINGS": environment.KNOWN_WARNINGS,
            "LUMINALOG_LOG_JSON": "1",
            "DJANGO_SETTINGS_MODULE": "luminalog.settings",
        }

    def _store(self, side: str) -> dict[str, str]:
        """Return the part of an environment that says where entries are kept."""
        if not self.clickhouse:
            return {}
        urls = {"STORE_URL": self.clickhouse.url, "STORE_READ_URL": self.clickhouse.read_url}
        if side == "direct":
            return urls
        return {name: _through(url, self.links[f"{side}-clickhouse"]) for name, url in urls.items()}

    def _log(self, name: str) -> IO[bytes]:
        if name not in self._files:
            self._files[name] = (self.logs / f"{name}.log").open("ab", buffering=0)
        return self._files[name]

    def _process(self, name: str) -> "subprocess.Popen[bytes]":
        process = self.parts[name].process
        assert process
        return process

    def _is_ready(self) -> bool:
        try:
            return bool(requests.get(f"{self.direct_url}/readyz", timeout=3).json()["status"] == "ok")
        except requests.RequestException:
            return False


def _through(url: str, link: Link) -> str:
    """Return `url` with the link's port."""
    port = urlsplit(url).port
    return url.replace(f":{port}/", f":{link.port}/")
