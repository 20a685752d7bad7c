"""Processes that write an archive, load one and take it out are killed: whoever comes next goes on behind them."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import requests

from embedded.environment import PROJECT
from tests.chaos import invariants
from tests.chaos.stack import Stack
from tests.chaos.trial import FIRE_SECONDS, Trial, scenario
from tests.waiting import wait_until

OWNER, AGO, BATCHES, BATCH_ENTRIES = "archived", 3, 40, 100
#: In parts of a batch each, so that much of a day is left to whoever comes next.
WRITE = f"""
import archive.parts, archive.writing
from django.core.management import call_command
archive.parts.PART_ENTRIES, archive.writing.GROUP_BATCHES = {BATCH_ENTRIES}, 1
call_command("archive", "write", organisation="{OWNER}")
"""
RETENTION = "from storage import retention; retention.drop_expired(); retention.delete_expired()"
#: Where each is killed, by the chance with which it is halted there for it: so it gets further each time.
WRITING = {"after_archive_part": 0.3, "after_manifest": 1.0}
LOADING = {"before_loading_part": 0.3, "before_loaded_commit": 0.3}
ENDING = {"after_loaded_removal": 1.0}
KILLS, HALTED_SECONDS = 2, 5
#: A day's batches as if they had come earlier.
MOVE_BACK = """
UPDATE ingest_spooledbatch SET received_at = received_at - make_interval(days => %s)
 WHERE organisation_id = (SELECT id FROM accounts_organisation WHERE slug = %s)
"""
#: A busy worker may hold what this drain waits for: the next one has it.
STORE = """
from contextlib import suppress
from datetime import timedelta
from django.db import OperationalError
from django.utils import timezone
from ingest.models import SpooledBatch
from ingest.spool.drain import drain
while SpooledBatch.objects.filter(received_at__lt=timezone.now() - timedelta(days=1)).exists():
    with suppress(OperationalError):
        drain()
"""
END_OF_PLAN = """
UPDATE quotas_quota SET retention_days = 1
 WHERE organisation_id = (SELECT id FROM accounts_organisation WHERE slug = %s)
"""
AS_SENT = ("timestamp", "level", "message", "metadata", "size_bytes")


@scenario(*(f"kill at {point}" for point in (*WRITING, *LOADING, *ENDING)))
def archiving_dies(trial: Trial) -> None:
    """Who writes an archive, loads it or takes it out is killed at every step; a day is whole in the end, and once."""
    stack = trial.stack
    folder = stack.folder / "archive"
    folder.mkdir(exist_ok=True)
    day = _store_in_the_past(stack)
    archive = Archive(stack, folder, day, before=_stored(stack))
    _write(trial, archive)
    _load(trial, archive)
    archive.manage("archive", "delete", "--organisation", OWNER, "--yes")


def _write(trial: Trial, archive: "Archive") -> None:
    """Kill whoever writes the day; then it is in the archive as it was, and retention takes it."""
    archive.die(trial, WRITING, "shell", "-c", WRITE)
    archive.manage("shell", "-c", WRITE)
    archive.manage("archive", "verify", "--organisation", OWNER)
    [manifest] = archive.folder.rglob("manifest.json")
    told = json.loads(manifest.read_text())
    assert (told["entries"], len(told["parts"])) == (BATCHES * BATCH_ENTRIES, BATCHES)
    assert {part["name"] for part in told["parts"]} == {path.name for path in archive.folder.rglob("*.zst")}
    assert _stored(trial.stack) == archive.before
    trial.stack.query(END_OF_PLAN, OWNER)
    archive.manage("shell", "-c", RETENTION)
    assert not _stored(trial.stack), "retention left something of a day that is archived"


def _load(trial: Trial, archive: "Archive") -> None:
    """Kill whoever loads the day, and whoever takes it out; then it is there once, as it was, and gone."""
    load = ("load", f"{archive.day}", "--organisation", OWNER)
    archive.die(trial, LOADING, *load)
    for _ in range(2):
        archive.manage(*load)
        assert _stored(trial.stack) == archive.before, "what is loaded is not what was archived"
    assert not (wrong := list(invariants.check_ledger(trial.stack))), wrong
    archive.die(trial, ENDING, *load, "--end")
    archive.manage(*load, "--end")
    assert not _stored(trial.stack), "something of a loaded day stayed"
    assert trial.stack.query("SELECT count(*) FROM storage_loaded_part") == [(0,)]


@dataclass(frozen=True)
class Archive:
    """Where a day is archived, and what was stored of it before."""

    stack: Stack
    folder: Path
    day: date
    before: Mapping[int, Any]

    def die(self, trial: Trial, points: Mapping[str, float], *command: str) -> None:
        """Have a command be killed at each of these points; several times where it gets further each time."""
        for point, chance in points.items():
            for _ in range(KILLS if chance < 1 else 1):
                # Who was killed may hold what only one may have for a moment longer: the next one ends then.
                wait_until(partial(self._dies, point, chance, command), what=self._told, seconds=2 * FIRE_SECONDS)
                trial.note(f"kill at {point}")

    def manage(self, *command: str) -> None:
        """Run a command to its end, as soon as nobody who was killed is in its way."""

        def is_done() -> bool:
            with self._started(command) as process:
                wait_until(lambda: process.poll() is not None, what=self._told, seconds=FIRE_SECONDS)
                return process.returncode == 0

        wait_until(is_done, what=self._told, seconds=FIRE_SECONDS)

    def _dies(self, point: str, chance: float, command: Sequence[str]) -> bool:
        """Run a command until it is halted at a point, and kill it; false when it has ended before."""
        name = f"{point}=stop"
        earlier = self.stack.firings().count(name)
        faults = f"{name}:{HALTED_SECONDS}:p{chance}:n{earlier + 1}"
        with self._started(command, LUMINALOG_FAULTS=faults) as process:
            wait_until(
                lambda: self.stack.firings().count(name) > earlier or process.poll() is not None,
                what=self._told,
                seconds=FIRE_SECONDS,
            )
            process.kill()
            return process.wait() == -signal.SIGKILL

    @contextmanager
    def _started(self, command: Sequence[str], **environ: str) -> Iterator["subprocess.Popen[bytes]"]:
        environ |= {"LUMINALOG_FAULTS_RECORD": str(self.stack.fault_record)} | _archive_in(self.folder)
        with (
            self._output.open("wb") as output,
            subprocess.Popen(
                [sys.executable, str(PROJECT / "manage.py"), *command], env=self.stack.env | environ,
                cwd=self.stack.folder, stdout=output, stderr=output,
            ) as process,
        ):  # fmt: skip
            try:
                yield process
            finally:
                process.kill()

    @property
    def _output(self) -> Path:
        return self.stack.folder / "archive.out"

    def _told(self) -> str:
        return self._output.read_text(errors="replace") + self.stack.tail_of_logs()


def _archive_in(folder: Path) -> dict[str, str]:
    return {"LUMINALOG_ARCHIVE_URL": folder.as_uri()}


def _store_in_the_past(stack: Stack) -> date:
    """Send batches, and store them as if they had come some days ago; return on which day."""
    stack.manage("create_org", OWNER, "--plan", "scale", "--project", "shop")
    made = stack.manage("create_key", OWNER, "shop", "--name", "archive", "--json")
    with stack.halted("worker"):
        for number in range(BATCHES):
            _send(stack, json.loads(made)["api_key"], number)
        stack.query(MOVE_BACK, AGO, OWNER)
        stack.manage("shell", "-c", STORE)  # at once: while a batch is so old nobody is answered 200
    assert len(_stored(stack)) == BATCHES * BATCH_ENTRIES
    [(day,)] = stack.query("SELECT (now() AT TIME ZONE 'UTC')::date - %s", AGO)
    return day  # type: ignore[no-any-return]


def _send(stack: Stack, key: str, batch: int) -> None:
    frame = {"timestamp": "2026-01-26T14:30:00Z", "level": "info"}
    numbers = range(batch * BATCH_ENTRIES, (batch + 1) * BATCH_ENTRIES)
    entries = [{**frame, "message": f"of an archive {number}", "metadata": {"n": number}} for number in numbers]
    answer = requests.post(
        f"{stack.direct_url}/v1/logs",
        data=json.dumps({"logs": entries}),
        headers={"x-api-key": key, "Content-Type": "application/json"},
        timeout=FIRE_SECONDS,
    )
    assert answer.status_code == 200, answer.text


def _stored(stack: Stack) -> dict[int, Any]:
    """Return what is stored by its number; each is there once."""
    rows = list(stack.entries.beginning_with("of an archive"))
    found = {int(row["message"].split()[-1]): [row[name] for name in AS_SENT] for row in rows}
    assert len(found) == len(rows), "an entry came twice"
    return found
