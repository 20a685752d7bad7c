"""Edges of a running core, whole products like it; and the vendor's client, which sends to one until told to end."""

import json
import subprocess
import sys
import threading
from collections import Counter
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

import requests

from tests.acceptance.product import Product
from tests.waiting import DEADLINE_SECONDS, wait_until

NEEDED = 50
#: After these nobody knows whether the edge has kept it: no answer, or one of an edge whose PostgreSQL was not there.
IN_DOUBT = ("", "storage_unavailable")


class Edge(Product):
    """An edge of a core, made by two commands; it calls the core by `core_url`, perhaps through a proxy."""

    def __init__(self, folder: Path, name: str, core: Product, *options: str, core_url: str = "", **env: str) -> None:
        folder.mkdir()
        super().__init__(folder / name, **env)
        token = folder / "token"
        token.write_text(core.manage("create_edge", name, *options))
        self.core, self.core_url = core, core_url or core.base_url
        self.command += ["--data-dir", str(self.data_dir), "--edge-of", self.core_url, "--token-file", str(token)]

    @property
    def api_key(self) -> str:
        return self.core.api_key

    def wait_for_key(self, api_key: str) -> "Edge":
        """Wait until it knows a key of the core's: then it refuses a body for what the body is."""
        address, headers = f"{self.base_url}/v1/logs", {"x-api-key": api_key}

        def status() -> int:
            return requests.post(address, data=b"{}", headers=headers, timeout=DEADLINE_SECONDS).status_code

        wait_until(lambda: status() == HTTPStatus.BAD_REQUEST, what=self.output)
        return self


def spooled(product: Product) -> int:
    """Return how many batches wait in a product's spool."""
    [(number,)] = product.query("SELECT count(*) FROM ingest_spooledbatch")
    return int(number)


#: The client as it is published, an entry a request; what it hears, attempt by attempt, is printed from below it.
PROGRAM = """
import json, sys, threading, time
sys.path.insert(0, sys.argv[1])
import requests
from luminalog import LuminaLog

send = requests.Session.send

def heard(session, request, **how):
    messages = [entry["message"] for entry in json.loads(request.body)["logs"]]
    told = {"messages": messages, "status": 0, "code": "", "bytes": 0}
    try:
        answer = send(session, request, **how)
        said = answer.json()
        told |= {"status": answer.status_code, "code": said.get("code", ""), "bytes": said.get("bytes_used", 0)}
        return answer
    finally:
        print(json.dumps(told), flush=True)

requests.Session.send = heard
log = LuminaLog(api_key=sys.argv[2], endpoint=sys.argv[3], min_level="info", flush_interval=3600)
is_over = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), is_over.set()), daemon=True).start()
number = 0
while not is_over.wait(0.05):
    number += 1
    log.info(f"{sys.argv[4]} {number}")
    log.flush()
deadline = time.monotonic() + 30
while log._queue and time.monotonic() < deadline:
    log.flush()
sys.exit(bool(log._queue))
"""


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """A request of the client's, and what it heard."""

    messages: list[str]
    status: int
    code: str
    bytes: int

    @property
    def is_in_doubt(self) -> bool:
        return self.status != 200 and self.code in IN_DOUBT


class Sender:
    """The vendor's client in a process of its own: it sends one entry after another to an edge."""

    def __init__(self, edge: Product, name: str, *, sdk: Path) -> None:
        self.attempts: list[Attempt] = []
        command = [
            sys.executable,
            "-W",
            "ignore",
            "-c",
            PROGRAM,
            str(sdk),
            edge.api_key,
            f"{edge.base_url}/v1/logs",
            name,
        ]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    @property
    def answered(self) -> set[str]:
        """The messages that were answered 200."""
        return {message for one in list(self.attempts) if one.status == 200 for message in one.messages}

    def times(self, *, in_doubt: bool) -> Counter[str]:
        """Return how often each message was answered 200, or left in doubt."""
        found = [one for one in self.attempts if (one.is_in_doubt if in_doubt else one.status == 200)]
        return Counter(message for one in found for message in one.messages)

    def wait_for_more(self) -> None:
        """Wait until some more are answered."""
        before = len(self.answered)
        wait_until(lambda: len(self.answered) >= before + NEEDED, what=self.statuses)

    def statuses(self) -> str:
        """Return what was heard, for an explanation."""
        return str(Counter((one.status, one.code) for one in list(self.attempts)))

    def end(self) -> None:
        """Have it send what it still holds, and end."""
        assert self._process.stdin
        self._process.stdin.close()
        assert self._process.wait(2 * DEADLINE_SECONDS) == 0, self.statuses()

    def close(self) -> None:
        """End it at once, if it has not ended."""
        self._process.kill()
        self._reader.join()
        with self._process:  # closes its pipes
            pass

    def _read(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            if line.startswith("{"):  # it prints words of its own, too
                said: dict[str, Any] = json.loads(line)
                self.attempts.append(Attempt(**said))
