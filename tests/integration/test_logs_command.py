"""`luminalog search` and `tail`."""

import json
import select
import signal
import subprocess
from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from accounts.models import AccessRecord, Organisation
from explore.management.commands import search
from tests.entries import line, store_batch, store_entries
from tests.organisations import make_organisation
from tests.processes import Process, running_command
from tests.waiting import wait_until

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "reads"])


@pytest.fixture
def organisation() -> Organisation:
    organisation = make_organisation()
    now = datetime.now(UTC)
    entries = [{"timestamp": now - timedelta(minutes=n), "message": f"message {n}"} for n in range(1, 6)]
    store_entries(entries, organisation_id=organisation.pk)
    store_entries([{"timestamp": now, "message": "message of another"}], organisation_id=organisation.pk + 1)
    return organisation


def run(*arguments: str) -> list[str]:
    output = StringIO()
    call_command(*arguments, stdout=output)
    return output.getvalue().splitlines()


def test_search_prints_the_newest_last(organisation: Organisation) -> None:
    lines = run("search", "message", "--organisation", "acme", "--limit", "3")
    assert [line[-9:] for line in lines] == ["message 3", "message 2", "message 1"]
    look = AccessRecord.objects.get()
    assert (look.action, look.organisation, look.query, look.user_id) == ("search", "acme", "message", 0)
    assert look.range_start is not None


def test_search_prints_all_pages(organisation: Organisation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "MAX_ENTRIES", 2)
    lines = run("search", "--organisation", "acme", "--all", "--json")
    assert [json.loads(line)["message"] for line in lines] == [f"message {n}" for n in (5, 4, 3, 2, 1)]


def test_ages_bound_the_range(organisation: Organisation) -> None:
    assert len(run("search", "--organisation", "acme", "--from", "3m", "--to", "90s")) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--organisation", "nobody"], "no such organisation"),
        (["--organisation", "acme", "(a"], "ends too early"),
        (["--organisation", "acme", "--from", "yesterday"], "write a time"),
        (["--organisation", "acme", "--limit", "1001"], "from 1 to 1000"),
    ],
)
def test_mistakes_are_explained(organisation: Organisation, arguments: list[str], message: str) -> None:
    with pytest.raises(CommandError, match=message):
        run("search", *arguments)


def test_tail_prints_new_entries_until_it_is_interrupted(organisation: Organisation) -> None:
    tail = ["tail", "--organisation", "acme", "--json", "level:error"]
    with running_command(*tail, output=subprocess.PIPE, how=signal.SIGINT) as process:
        wait_until(lambda: store_and_look(organisation, process), what="a line of the tail")
        assert process.stdout
        assert json.loads(process.stdout.readline())["message"] == "broken"


def store_and_look(organisation: Organisation, process: Process) -> bool:
    """Store one more entry and tell whether the process has printed: when it begins to follow is its own affair."""
    assert process.poll() is None
    assert process.stdout
    store_batch(organisation, [line("fine"), line("broken", level="error")])
    return bool(select.select([process.stdout], [], [], 0.2)[0])
