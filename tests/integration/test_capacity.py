"""Full means refuse, in time: nothing is kept or charged, everything else goes on, and it ends by itself."""

import base64
import json
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as configured
from django.core.checks import run_checks
from django.core.management import call_command
from django.db import ProgrammingError
from django.test import Client

from foundation.postgres import execute
from foundation.refusals import Refusal
from ingest.models import SpooledBatch
from ingest.spool import capacity as room
from ingest.spool.capacity import Capacity, capacity
from ingest.spool.drain import drain
from quotas import outcomes
from quotas.models import HourlyUsage, MonthlyUsage
from storage.models import LogEntry
from tests.integration.spool_rows import fill_spool
from tests.integration.web_server import Web, web_server
from tests.organisations import make_api_key, make_organisation
from tests.processes import running_command
from tests.waiting import wait_until

pytestmark = pytest.mark.django_db(transaction=True)

LOG = {"timestamp": "2026-01-26T14:30:00.000Z", "level": "info", "message": "User logged in"}
BATCH = json.dumps({"logs": [LOG]}).encode()
SPOOL_BYTES = 400_000
MEBIBYTE = 2**20
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small tmpfs needs root")


@pytest.fixture(autouse=True)
def _knows_nothing() -> Iterator[None]:
    call_command("partitions", make=True, verbosity=0)
    capacity.forget()
    yield
    capacity.forget()


@pytest.fixture
def secret() -> str:
    return make_api_key(make_organisation("acme"), requests_per_minute=60_000)[1]


@pytest.fixture
def post(secret: str) -> Callable[[], Any]:
    """Return a function that posts one entry within this process."""
    return lambda: Client().post("/v1/logs", BATCH, content_type="application/json", headers={"x-api-key": secret})


@contextmanager
def small_disk(folder: Path, *, size_bytes: int) -> Iterator[Path]:
    """Mount a file system of its own at `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    options = f"size={size_bytes},mode=0777"
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def incompressible_batch(*, entries: int = 2) -> bytes:
    noise = [base64.b64encode(os.urandom(7_000)).decode() for _ in range(entries)]
    return json.dumps({"logs": [LOG | {"message": message} for message in noise]}).encode()


def test_full_spool_refuses_until_a_worker_has_drained_it(secret: str) -> None:
    with web_server(LUMINALOG_SPOOL_MAX_BYTES=SPOOL_BYTES) as server:
        web = replace(server, secret=secret)
        answers: list[Any] = []
        wait_until(lambda: is_refused(web, answers), what="a refusal")
        *accepted, answer = answers
        charged = sum(answer.json()["bytes_used"] for answer in accepted)

        assert (answer.status_code, answer.json()["code"]) == (503, "backlog_full")
        assert charged >= SPOOL_BYTES
        assert answer.headers["Retry-After"] == "30"
        assert MonthlyUsage.objects.get().used_bytes == charged
        kept = SpooledBatch.objects.count()

        def only_bytes_are_full() -> bool:
            told = web.get("/readyz").json()
            red = [name for name, state in told["checks"].items() if state != "ok"]
            return told["status"] == "full" and red == ["spool_bytes"]

        wait_until(only_bytes_are_full, what="a red check")
        assert web.get("/v1/logs", x_api_key=secret).status_code == 200

        with running_command("drain", "--loop"):
            wait_until(lambda: web.post(BATCH).status_code == 200)
            wait_until(lambda: LogEntry.objects.count() == 2 * kept + 1)
        wait_until(lambda: web.get("/readyz").status_code == 200, what="readiness")


def is_refused(web: Web, answers: list[Any]) -> bool:
    """Post a batch; tell whether it was refused."""
    answers.append(web.post(incompressible_batch()))
    return bool(answers[-1].status_code != 200)


def test_process_that_keeps_much_looks_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "LOOK_EVERY_SECONDS", 3600.0)
    monkeypatch.setattr(room, "LOOK_AGAIN_SECONDS", 0.0)
    process = Capacity()
    process.watch()
    try:
        wait_until(lambda: process._looked_at, what="the first look")
        make_old_backlog()
        process.require()

        process.kept(int(configured.SPOOL_MAX_BYTES * room.HURRY_SHARE) + 1)

        wait_until(lambda: is_full(process), what="the next look")
    finally:
        process._thread.stop()


def is_full(process: Capacity) -> bool:
    try:
        process.require()
    except Refusal:
        return True
    return False


def test_refusal_comes_before_the_body_is_read(secret: str) -> None:
    make_old_backlog()
    with web_server() as server:
        web = replace(server, secret=secret)
        wait_until(lambda: web.post(BATCH).status_code == 503)

        answer = web.raw(web.head("Content-Length: 100000000"))

        assert (answer.status, json.loads(answer.body)["code"]) == (503, "backlog_full")


def test_old_backlog_refuses_counts_the_refusal_and_keeps_nothing(post: Callable[[], Any]) -> None:
    assert post().status_code == 200
    make_old_backlog()
    before = SpooledBatch.objects.count(), MonthlyUsage.objects.get().used_bytes

    assert capacity.look() == {"spool_age"}
    answers = [post() for _ in range(3)]

    assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {(503, "backlog_full")}
    assert "X-RateLimit-Remaining" in answers[0].headers
    assert (SpooledBatch.objects.count(), MonthlyUsage.objects.get().used_bytes) == before
    outcomes.flush()
    assert sum(HourlyUsage.objects.filter(outcome="backlog_full").values_list("requests", flat=True)) == 3


@pytest.mark.parametrize(("waits_for", "full"), [("", {"spool_age"}), ("store", {"spool_age"}), ("place", set())])
def test_batches_that_failed_refuse_others_in_the_end_unless_they_wait_for_their_own_place(
    waits_for: str, full: set[str]
) -> None:
    make_old_backlog()
    SpooledBatch.objects.update(attempts=3, waits_for=waits_for)
    assert capacity.look() == full


def test_start_page_says_that_batches_are_refused(admin_client: Client) -> None:
    assert b"New batches are refused" not in admin_client.get("/admin/").content
    make_old_backlog()
    page = admin_client.get("/admin/").content
    assert b"New batches are refused" in page
    assert b"the oldest batch in the spool is too old" in page


def test_limit_of_free_space_that_no_disk_has_refuses(post: Callable[[], Any], tmp_path: Path, settings: Any) -> None:
    settings.DISK_PATHS, settings.DISK_MIN_FREE_BYTES = [str(tmp_path)], 2**62
    assert capacity.look() == {"disk"}
    assert post().status_code == 503

    settings.DISK_MIN_FREE_BYTES = settings.DISK_MIN_FREE_PERCENT = 0
    assert capacity.look() == set()
    assert post().status_code == 200


@needs_root
def test_disk_that_fills_up_refuses_until_there_is_clearly_room(tmp_path: Path, settings: Any) -> None:
    with small_disk(tmp_path / "disk", size_bytes=16 * MEBIBYTE) as disk:
        settings.DISK_PATHS, settings.DISK_MIN_FREE_BYTES = [str(tmp_path), str(disk)], 8 * MEBIBYTE
        settings.DISK_MIN_FREE_PERCENT = 0
        assert capacity.look() == set()

        (disk / "log").write_bytes(bytes(8 * MEBIBYTE + 1))
        assert capacity.look() == {"disk"}
        (disk / "log").write_bytes(bytes(7 * MEBIBYTE + MEBIBYTE // 2))
        assert capacity.look() == {"disk"}  # a little room only
        (disk / "log").write_bytes(bytes(6 * MEBIBYTE))
        assert capacity.look() == set()


@needs_root
def test_disk_of_postgresql_that_is_full_refuses_and_recovers(secret: str, tmp_path_factory: Any) -> None:
    """PostgreSQL itself runs into ENOSPC: the spool is moved onto a disk of 4 MiB."""
    folder = tmp_path_factory.mktemp("tiny")
    for parent in [folder, *folder.parents][:3]:
        parent.chmod(0o755)
    with small_disk(folder / "disk", size_bytes=4 * MEBIBYTE) as disk, web_server() as server:
        web = replace(server, secret=secret)
        with spool_on(disk):
            answers = [web.post(incompressible_batch(entries=50)) for _ in range(20)]
            refused = [answer for answer in answers if answer.status_code != 200]
            assert {(answer.status_code, answer.json()["code"]) for answer in refused} == {(503, "storage_unavailable")}
            assert all("Retry-After" in answer.headers for answer in refused)
            kept = [answer.json()["bytes_used"] for answer in answers if answer.status_code == 200]
            assert sum(kept) == MonthlyUsage.objects.get().used_bytes > 0

            assert drain() == len(kept)
        assert web.post(BATCH).status_code == 200


@contextmanager
def spool_on(disk: Path) -> Iterator[None]:
    """Keep the rows of the spool on `disk` for a while."""
    execute(f"CREATE TABLESPACE tiny LOCATION '{disk}'")
    execute("ALTER TABLE ingest_spooledbatch SET TABLESPACE tiny")
    try:
        yield
    finally:
        execute("ALTER TABLE ingest_spooledbatch SET TABLESPACE pg_default")
        execute("SET statement_timeout = 0")  # it waits for a checkpoint, which takes its time on a busy disk
        execute("DROP TABLESPACE tiny")
        execute("RESET statement_timeout")


def test_look_that_fails_refuses_nobody(post: Callable[[], Any]) -> None:
    execute("ALTER TABLE ingest_spooledbatch RENAME COLUMN attempts TO tries")
    try:
        with pytest.raises(ProgrammingError):
            capacity.look()
    finally:
        execute("ALTER TABLE ingest_spooledbatch RENAME COLUMN tries TO attempts")

    assert post().status_code == 200


def test_what_was_full_long_ago_has_room(monkeypatch: pytest.MonkeyPatch) -> None:
    make_old_backlog()
    capacity.look()
    with pytest.raises(Refusal, match="backlog_full"):
        capacity.require()

    monkeypatch.setattr(room, "FORGET_AFTER_SECONDS", 0.0)
    capacity.require()


def test_limits_that_cannot_be_held_are_found_before_the_start(settings: Any, tmp_path: Path) -> None:
    assert run_checks() == []
    settings.SPOOL_MAX_BYTES, settings.DISK_PATHS = 0, [str(tmp_path / "none")]

    assert [error.id for error in run_checks()] == ["ingest.E001", "ingest.E002"]


def make_old_backlog() -> None:
    fill_spool(1, rows=1, age=timedelta(seconds=configured.SPOOL_MAX_AGE_SECONDS + 60))
