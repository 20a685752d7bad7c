"""A closed day is archived, dropped, loaded back and found again, every byte the same, in every store."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
import zstandard
from django.core.management import CommandError, call_command

from accounts import looks
from accounts.caller import Caller
from accounts.models import Organisation
from archive import loading, writing
from archive.errors import ArchiveError
from archive.lines import line_for, restored
from archive.place import place
from explore.search import find
from foundation import faults
from foundation.postgres import current_day, execute
from ingest.models import DrainClaim
from ingest.spool.drain import drain
from operations.doctor import archive as doctor
from operations.erasures import work
from operations.erasures.life import ask
from operations.metrics import exposition
from operations.models import Erasure
from operations.verification import verify
from quotas.models import MonthlyUsage, Quota
from storage import archived, archives, arrivals, loaded, retention, unarchived
from storage.found import FoundEntry, entries_in
from storage.lines import line_of
from storage.models import ArchivedDay, LoadedPart, Receipt
from storage.postgres import partitions
from storage.store import Store
from tests.contract.batches import LAST_MOMENT, batch_of, whole
from tests.integration.spool_rows import spool_raw
from tests.past import move_back

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "reads"])

AGO = 3
TIME = "2026-01-26T10:00:00.000001Z"


@pytest.fixture(autouse=True)
def archive(settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    settings.ARCHIVE_URL = f"file://{tmp_path}/a%20b"
    monkeypatch.setattr(writing, "SETTLED_AFTER", timedelta(0))  # tests run in the first minutes of a day, too
    (tmp_path / "a b").mkdir()
    yield tmp_path / "a b"
    DrainClaim.objects.all().delete()


@pytest.fixture
def organisation(caller: Caller) -> Organisation:
    Quota.objects.filter(organisation_id=caller.organisation_id).update(retention_days=1)
    return Organisation.objects.get(pk=caller.organisation_id)


def at_once() -> None:
    """Look again without a pause: nothing is on its way."""


def line(message: str = "hello", **members: Any) -> bytes:
    return msgspec.json.encode({"timestamp": TIME, "level": "info", "message": message, **members})


ODD = [
    line('späte "Grüße" 🎉\n ,"environment":"production" \\'),
    line(environment="lab", project_id="billing", metadata={"luminalog": {"id": 1}, "a": [1e22, 1.0, "\u2028"]}),
    line(environment="", project_id="", trace_id="t", span_id="s", parent_span_id="p", privacy_mode=False),
    msgspec.json.encode({
        "timestamp": TIME, "level": "panic", "message": "no", "project_id": "x",
        "error": {"type": "E", "message": "m", "stack_trace": ["at a", "at b"]},
    }),
]  # fmt: skip


def store_ago(caller: Caller, *batches: list[bytes], days: int = AGO) -> None:
    """Accept and store batches, as received some days ago."""
    for lines in batches:
        spool_raw(caller, *lines)
    move_back(timedelta(days=days))
    while drain():
        pass


def found(organisation: Organisation) -> list[FoundEntry]:
    return list(find(whole(organisation.pk), limit=1000, newest_first=False).entries)


def texts(organisation: Organisation) -> list[tuple[bytes, int]]:
    """Return entries as they are told, but for ids and times of receipt; with the bytes that each was charged."""
    return sorted((line_of(entry), entry.size_bytes) for entry in found(organisation))


@pytest.fixture
def meets(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str, Callable[[], object]], None]:
    """Have a function meet a bug at a point, and end with it."""
    monkeypatch.setenv("LUMINALOG_FAULTS_RECORD", str(tmp_path / "faults"))

    def run(point: str, work: Callable[[], object]) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(faults, "_rules", faults.read_rules(f"{point}=bug"))
            with pytest.raises(faults.InjectedError):
                work()

    return run


def run_retention() -> None:
    retention.drop_expired()
    retention.delete_expired()


def day_ago(days: int = AGO) -> Any:
    return current_day() - timedelta(days=days)


def test_day_is_archived_dropped_loaded_and_ends(
    store: Store, caller: Caller, organisation: Organisation, archive: Path
) -> None:
    store_ago(caller, ODD, [line(f"{n}") for n in range(5)])
    before, used = texts(organisation), list(MonthlyUsage.objects.values_list("used_bytes", flat=True))
    told = arrivals.snapshot()
    assert len(before) == 9

    run_retention()
    assert texts(organisation) == before  # it waits
    assert writing.write(None, None) == 1
    run_retention()
    assert found(organisation) == []
    assert verify(wait=at_once) == []

    folder = archive / f"organisation-{organisation.pk}" / day_ago().isoformat()
    assert {path.stat().st_mode & 0o777 for path in archive.rglob("*")} == {0o700, 0o600}
    assert json.loads((folder / "manifest.json").read_text())["entries"] == 9

    first = loading.load(organisation, day_ago(), keep_days=7)
    again = loading.load(organisation, day_ago(), keep_days=9)

    assert texts(organisation) == before
    assert (first.entries, first.before, again.before, again.kept_until > first.kept_until) == (9, 0, 1, True)
    assert {entry.received_at.date() for entry in found(organisation)} == {current_day()}
    assert verify(wait=at_once) == []
    assert list(MonthlyUsage.objects.values_list("used_bytes", flat=True)) == used
    window = arrivals.Window(seen=told, until=arrivals.snapshot())
    assert arrivals.of(window, organisations=[organisation.pk])[0] == []
    counts = store.reader.level_counts(whole(organisation.pk), step=timedelta(days=1))
    assert sum(one.count for one in counts) == 9

    tomorrow = found(organisation)[0].received_at + timedelta(days=1)
    kept = loaded.batch_ids(organisation.pk, before=tomorrow)
    assert store.writer.delete(organisation.pk, before=tomorrow, limit=100, but=kept) == 0
    LoadedPart.objects.update(kept_until=tomorrow - timedelta(days=2))
    assert loaded.forget() == 1
    assert found(organisation) == []
    assert not Receipt.objects.filter(api_key_id=0).exists()
    assert verify(wait=at_once) == []


def test_what_was_cut_off_goes_on(
    store: Store, caller: Caller, organisation: Organisation, archive: Path, monkeypatch: Any, meets: Any
) -> None:
    monkeypatch.setattr("archive.parts.PART_ENTRIES", 4)
    monkeypatch.setattr(writing, "GROUP_BATCHES", 1)
    store_ago(caller, *([line(f"{n}"), line("x")] for n in range(5)))
    unarchived.plan(closed_before=current_day())
    before = texts(organisation)
    for point in ("after_archive_part", "after_manifest"):
        meets(point, lambda: writing.look(budget_seconds=60))
        run_retention()
        assert texts(organisation) == before

    assert writing.look(budget_seconds=60) == 1

    row = ArchivedDay.objects.get()
    assert (row.entries, row.parts, row.waits_since) == (10, 3, None)
    assert len(list(archive.rglob("*.zst"))) == 3
    run_retention()
    assert found(organisation) == []
    for point in ("before_loading_part", "before_loaded_commit"):
        meets(point, lambda: loading.load(organisation, day_ago(), keep_days=7))
        assert verify(wait=at_once) == []
    assert loading.load(organisation, day_ago(), keep_days=7).parts == 3
    assert texts(organisation) == before
    assert verify(wait=at_once) == []

    meets("after_loaded_removal", lambda: loaded.end(organisation.pk, day_ago()))
    assert verify(wait=at_once) == []
    assert loaded.end(organisation.pk, day_ago()) == 3
    assert found(organisation) == []
    assert verify(wait=at_once) == []


def test_what_changes_after_it_was_archived_is_archived_again(
    in_memory: Store, caller: Caller, organisation: Organisation, archive: Path, settings: Any
) -> None:
    """Erased entries are in no archive of a day that is still stored; and what comes late is in it."""
    store_ago(caller, [line("stays"), line("goes", metadata={"userId": "u-7f3a9c41"})])
    assert writing.write(None, None) == 1
    first = archive_text(archive)

    erase(organisation, "u-7f3a9c41")
    run_retention()
    assert [entry.message for entry in found(organisation)] == ["stays"]  # it waits again
    assert writing.look(budget_seconds=60) == 1
    assert b"u-7f3a9c41" in first
    assert b"u-7f3a9c41" not in archive_text(archive)

    store_ago(caller, [line("late")])
    run_retention()
    assert len(found(organisation)) == 2
    assert writing.look(budget_seconds=60) == 1
    assert archive_text(archive).count(b"\n") == 2
    assert len(list(archive.rglob("*.zst"))) == 1
    with pytest.raises(ArchiveError, match="is still stored"):
        loading.load(organisation, day_ago(), keep_days=7)
    run_retention()
    assert found(organisation) == []

    loading.load(organisation, day_ago(), keep_days=7)
    erase(organisation, "late")
    assert [entry.message for entry in found(organisation)] == ["stays"]  # of what was loaded, too
    assert verify(wait=at_once) == []
    assert loaded.end(organisation.pk, day_ago()) == 1
    assert verify(wait=at_once) == []
    settings.ARCHIVE_URL = ""
    store_ago(caller, [line("unarchived")], days=5)
    run_retention()
    assert found(organisation) == []


def erase(organisation: Organisation, value: str) -> None:
    ask(organisation, kind=Erasure.Kind.VALUE, wanted=value, by=looks.at_the_server())
    while work.work(budget_seconds=60):
        pass


def archive_text(archive: Path) -> bytes:
    """Return the lines that lie in an archive, as any program reads them."""
    return b"".join(
        zstandard.ZstdDecompressor().stream_reader(path.read_bytes()).read() for path in archive.rglob("*.zst")
    )


def test_what_is_not_whole_is_refused_and_retention_waits(
    in_memory: Store, caller: Caller, organisation: Organisation, archive: Path
) -> None:
    store_ago(caller, [line("one"), line("two")])
    archive.rename(archive.with_name("away"))
    assert writing.look(budget_seconds=60) == 0
    run_retention()
    assert len(found(organisation)) == 2
    [waiting] = archives.known()
    assert (waiting.tries, waiting.last_error) == (1, f"{archive} is not there: make it, or mount its disk.")
    archive.with_name("away").rename(archive)
    assert writing.look(budget_seconds=60) == 0  # not at once
    assert writing.write(None, None) == 1
    in_memory.writer.delete(organisation.pk, before=LAST_MOMENT, limit=1)
    unarchived.change(organisation.pk, [day_ago()])
    with pytest.raises(ArchiveError, match="Receipts say 2 entries"):
        writing.write(None, None)
    assert writing.write(None, None, as_it_is=True) == 1
    run_retention()

    [part] = archive.rglob("*.zst")
    content, name = part.read_bytes(), part.parent / "manifest.json"
    told = name.read_bytes()
    for broken_content in (content[:-1], content[:40] + bytes([content[40] ^ 1]) + content[41:], content + b"x", b""):
        part.write_bytes(broken_content)
        with pytest.raises(ArchiveError):
            loading.load(organisation, day_ago(), keep_days=7)
    part.unlink()
    with pytest.raises(ArchiveError, match="is not there"):
        loading.load(organisation, day_ago(), keep_days=7)
    part.write_bytes(content)
    name.write_bytes(told.replace(b'"entries": 1', b'"entries": 2'))
    with pytest.raises(ArchiveError, match="not what was written"):
        loading.load(organisation, day_ago(), keep_days=7)
    name.write_bytes(told)
    assert not LoadedPart.objects.exists()
    assert loading.load(organisation, day_ago(), keep_days=7).entries == 1


def test_commands_tell_and_do(
    in_memory: Store, caller: Caller, organisation: Organisation, archive: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store_ago(caller, [line("one"), line("two")])
    day, own = day_ago().isoformat(), f"--organisation={organisation.slug}"

    def said(*words: str) -> str:
        call_command(*words)
        return capsys.readouterr().out

    assert said("archive", "write") == "1 archives written\n"
    assert said("archive", "verify", day) == f"{day}  {organisation.slug}  whole\n1 archives are whole\n"
    [listed] = json.loads(said("archive", "list", "--json"))
    assert (listed["entries"], listed["note"], listed["verified_at"] is None) == (2, "", False)
    with pytest.raises(CommandError, match="is still stored"):
        call_command("archive", "delete", own)
    run_retention()
    assert f"{organisation.slug}: 2 entries of {day} until" in said("load", day, own, "--keep-days=2")
    assert "(there already)" in said("load", day)
    assert json.loads(said("archive", "--json"))["loaded"][0]["entries"] == 2
    assert "loaded, 2 entries" in said("archive")
    assert said("load", day, "--end") == f"{organisation.slug}: what was loaded of {day} is taken out.\n"
    assert "With --yes" in said("archive", "delete", own)
    assert "are deleted" in said("archive", "delete", own, "--yes")
    assert list(archive.iterdir()) == []
    with pytest.raises(CommandError, match="no archive of"):
        call_command("load", day)


def test_lines_are_those_that_were_charged(organisation_id: int) -> None:
    """Whatever of environment and project came with an entry."""
    batch = batch_of(*ODD, organisation_id=organisation_id)
    for entry, sent in zip(entries_in(batch), ODD, strict=True):
        assert restored(line_for(entry)[:-1]).line == sent
        changed = replace(entry, size_bytes=1)
        assert restored(line_for(changed)[:-1]).line == line_of(entry)


def test_day_that_changes_while_it_is_written_is_written_again(
    in_memory: Store, caller: Caller, organisation: Organisation, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An entry is rewritten, as long as it was, when its part is written and the manifest is not."""
    store_ago(caller, [line("one")])
    unarchived.plan(closed_before=current_day())
    changes = [day_ago()]
    written = archived.note_part

    def change(*arguments: Any, **named: Any) -> None:
        written(*arguments, **named)
        if changes:
            unarchived.change(organisation.pk, [changes.pop()])

    monkeypatch.setattr(archived, "note_part", change)

    due = unarchived.due()
    assert due
    assert writing._write_noted(due, place()) is False
    assert unarchived.due()
    assert writing.look(budget_seconds=60) == 1
    assert unarchived.due() is None


def test_what_was_loaded_outlives_the_plan_and_its_day_is_not_dropped(
    caller: Caller, organisation: Organisation, transactional_db: None
) -> None:
    """In PostgreSQL, where a day is a table: moved back, it is as if the load was six days ago."""
    partitions.make_ahead(1)
    store_ago(caller, ODD)
    assert writing.write(None, None) == 1
    run_retention()
    assert found(organisation) == []
    loading.load(organisation, day_ago(), keep_days=3)
    before = texts(organisation)
    partitions.make({day_ago(6)})
    for loaded_rows in ("storage_entry", "storage_loaded_part", "storage_receipt WHERE loaded_part_id IS NOT NULL"):
        table, _, where = loaded_rows.partition(" ")
        execute(f"UPDATE {table} SET received_at = received_at - interval '6 days' {where}")
    assert verify() == []
    execute("UPDATE quotas_plan SET retention_days = 1")
    store_ago(caller, [line("too late for its plan")], days=6)

    assert writing.write(None, None) == 0
    run_retention()

    assert texts(organisation) == before
    assert min(partition.day for partition in partitions.list_partitions()) == day_ago(6)
    assert verify() == []
    LoadedPart.objects.update(kept_until=LoadedPart.objects.get().received_at)
    loaded.forget()
    run_retention()
    assert found(organisation) == []
    assert min(partition.day for partition in partitions.list_partitions()) > day_ago(6)
    assert verify() == []


def test_what_is_found_wrong_is_told_until_it_is_written_anew(
    in_memory: Store, caller: Caller, organisation: Organisation, archive: Path
) -> None:
    store_ago(caller, [line("one")])
    assert writing.write(None, None) == 1
    [part] = archive.rglob("*.zst")
    part.unlink()

    with pytest.raises(CommandError, match="1 of 1 archives are not"):
        call_command("archive", "verify")

    [known] = archives.known(waiting=False)
    assert known.wrong
    assert known.verified_at
    assert [one.subject for one in doctor.examine() if one.level == "error"] == ["verified archives"]
    store_ago(caller, [line("late")])
    unarchived.plan(closed_before=current_day())
    assert writing.write(None, None) == 1
    archives.note_verified(known, "of the archive before")
    [anew] = archives.known()
    assert (anew.wrong, anew.verified_at, archives.in_all().wrong) == ("", None, 0)


def test_doctor_and_metrics_tell_of_days_that_wait(
    in_memory: Store, caller: Caller, archive: Path, settings: Any
) -> None:
    def told() -> dict[str, str]:
        return {f"{one.subject}: {one.level}": one.what for one in doctor.examine()}

    assert told() == {
        "archive: ok": "The archive answers.",
        "archived days: warning": "No worker has looked for days to archive in the last hour.",
        "archived days: ok": "No closed day has waited for a day to be archived.",
    }
    store_ago(caller, ODD)
    unarchived.plan(closed_before=current_day())
    archive.rename(archive.with_name("away"))
    writing.look(budget_seconds=60)
    execute("UPDATE storage_archived_day SET waits_since = now() - interval '30 hours'")

    assert told() == {
        "archive: error": f"{archive} is not there: make it, or mount its disk."
        " Days are not archived, and retention waits for them: disks fill.",
        "archived days: error": "1 closed days are not archived, one for 30 hours: retention waits for them.",
    }
    scraped = exposition().decode()
    assert "luminalog_archive_waiting_days 1.0" in scraped
    assert "luminalog_archive_written_seconds -1.0" in scraped
    settings.ARCHIVE_URL = ""
    assert told() == {}
    assert "luminalog_archive" not in exposition().decode()
