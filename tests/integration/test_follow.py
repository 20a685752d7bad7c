"""Following new entries in a terminal: each once, whatever order they commit in."""

import threading
from collections.abc import Iterator

import pytest
from django.db import connections, transaction

from accounts.models import Organisation
from explore.follow import follow
from explore.query import parse
from explore.search import FoundEntry
from storage import arrivals
from storage.wall import ALIAS
from tests.entries import OpenTransaction, line, store_batch
from tests.organisations import make_organisation
from tests.waiting import DEADLINE_SECONDS, wait_until

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "reads"])


@pytest.fixture
def acme() -> Organisation:
    return make_organisation()


class Follower:
    """Follows in a thread of its own until it has heard "the end"."""

    def __init__(self, entries: Iterator[FoundEntry], organisation: Organisation) -> None:
        self.heard: list[str] = []
        self._entries, self._organisation = entries, organisation
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        wait_until(self._is_there, what="a follower that hears")

    def _is_there(self) -> bool:
        store_batch(self._organisation, [line("are you there?")])
        return bool(self.heard)

    def hear(self, *messages: str) -> None:
        """Wait for these messages, and no others."""
        wait_until(lambda: len(self.told) >= len(messages), what=lambda: str(self.told))
        assert self.told == list(messages)

    def end(self) -> None:
        """Let it end."""
        store_batch(self._organisation, [line("the end")])
        self._thread.join(DEADLINE_SECONDS)
        assert not self._thread.is_alive()

    @property
    def told(self) -> list[str]:
        """What it has heard, but for the beginning."""
        return [message for message in self.heard if message != "are you there?"]

    def _run(self) -> None:
        try:
            for entry in self._entries:
                self.heard.append(entry.message)
                if entry.message == "the end":
                    return
        finally:
            connections[ALIAS].close()


def test_new_entries_come_once_each_however_late_they_commit(acme: Organisation) -> None:
    store_batch(acme, [line("before")])
    follower = Follower(follow(acme.pk, parse("-noise"), poll_seconds=0.05), acme)
    late = OpenTransaction(acme, "late")
    store_batch(acme, [line("one"), line("noise"), line("two")])
    store_batch(make_organisation("rival"), [line("rival")])
    follower.hear("one", "two")
    late.commit()
    follower.hear("one", "two", "late")
    follower.end()
    follower.hear("one", "two", "late", "the end")


def test_many_batches_come_in_pages(acme: Organisation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrivals, "BATCHES_AT_ONCE", 2)
    follower = Follower(follow(acme.pk, parse(""), poll_seconds=0.05), acme)
    with transaction.atomic():  # all at once
        for number in range(5):
            store_batch(acme, [line(str(number))])
    follower.hear("0", "1", "2", "3", "4")
    follower.end()
