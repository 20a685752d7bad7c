"""A ClickHouse for tests, out of the wheel: one for a process of pytest, emptied before each test."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path

import pytest

from embedded.clickhouse import EmbeddedClickHouse
from storage.clickhouse.address import address_of
from storage.clickhouse.server import Server


class ForTests(EmbeddedClickHouse):
    """A server, whose table is made once."""

    is_migrated = False

    @cached_property
    def as_writer(self) -> Server:
        """Speak to it as who writes."""
        return Server(address_of(self.url, name="STORE_URL"))

    def truncate(self) -> None:
        """Forget all entries."""
        self.as_writer.run("TRUNCATE TABLE entry")


@contextmanager
def running(folder: Path | None = None) -> Iterator[ForTests]:
    """Run a server, in a folder of its own unless somebody has one. Skips where the wheel is not installed."""
    if find_spec("chdb") is None:
        pytest.skip("ClickHouse is not installed: pip install -r requirements-clickhouse.txt")
    with tempfile.TemporaryDirectory() as made:
        server = ForTests(folder or Path(made))
        server.start()
        try:
            yield server
        finally:
            server.stop()
