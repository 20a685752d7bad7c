"""What a start prints: nothing that sounds like trouble when there is none, and all that is trouble."""

import re
import signal
from pathlib import Path

import psycopg
import pytest

from embedded.output import Output
from embedded.postgres import EmbeddedPostgres
from embedded.processes import StartError, kill_group
from embedded.valkey import HARMLESS
from tests.acceptance.product import Product

pytestmark = pytest.mark.acceptance
FRIGHTENING = re.compile(
    r"\b(fatal|panic|warn(ing)?|error|critical|exception|traceback|fail(s|ed|ure)?|refused|denied|deprecat\w*)\b", re.I
)
#: What the welcome sends as an example is meant to look like trouble.
EXAMPLE = re.compile(r"^\s+-d '.*'$", re.M)
#: As Valkey 9.1 prints it where the kernel does not overcommit memory.
OVERCOMMIT = (
    "11873:M 26 Nov 2026 17:32:50.652 # WARNING Memory overcommit must be enabled! Without it, a background save or "
    "replication may fail under low memory condition. To fix this issue add 'vm.overcommit_memory = 1'"
)


def test_first_start_says_nothing_frightening(product: Product) -> None:
    assert frightening(product.output().partition("Ctrl-C stops it.")[0]) == []


def test_start_on_the_data_of_the_last_says_nothing_frightening(own_product: Product) -> None:
    own_product.prepared().start().stop(signal.SIGINT)
    own_product.start()
    assert frightening(own_product.output()) == []


def test_postgresql_is_not_asked_before_it_has_recovered(tmp_path: Path) -> None:
    """A connection during recovery is refused, and PostgreSQL logs that as FATAL."""
    first = EmbeddedPostgres(tmp_path / "postgres")
    first.start()
    with psycopg.connect(first.url) as connection:
        connection.execute(
            "CREATE TABLE many AS SELECT number, md5(number::text) FROM generate_series(1, 300000) number"
        )
    assert first.process
    kill_group(first.process)

    again, log = EmbeddedPostgres(tmp_path / "postgres"), tmp_path / "log"
    with log.open("wb") as output:
        again.start(output)
    said = log.read_text()
    again.stop()
    assert "automatic recovery in progress" in said
    assert frightening(said) == []


def test_postgresql_that_ends_at_once_is_told(tmp_path: Path) -> None:
    server, log = EmbeddedPostgres(tmp_path / "postgres", settings={"shared_buffers": "none"}), tmp_path / "log"
    with log.open("wb") as output, pytest.raises(StartError, match="PostgreSQL ended at once"):
        server.start(output)
    assert 'invalid value for parameter "shared_buffers"' in log.read_text()


def test_only_the_line_about_overcommit_is_left_out(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    output = Output(left_out={"valkey": HARMLESS})
    others = ["# WARNING The TCP backlog setting of 511 cannot be enforced", "# Can't save in background: fork"]
    for name in ("valkey", "web"):
        for line in (OVERCOMMIT, *others):
            output.writer(name).write(f"{line}\n".encode())
    output.close()
    said = capfdbinary.readouterr().out.decode().splitlines()
    assert [line for line in said if line.startswith("valkey")] == [f"valkey   | {line}" for line in others]
    assert [line for line in said if line.startswith("web")] == [f"web      | {line}" for line in (OVERCOMMIT, *others)]


def frightening(output: str) -> list[str]:
    """Return the lines of `output` that sound like trouble."""
    return [line for line in EXAMPLE.sub("", output).splitlines() if FRIGHTENING.search(line)]
