"""docs/send.md: what it prints is run as it is printed, or replayed, or says that it is not run."""

from tests.agents import AGENTS
from tests.clients.clients import CLIENTS, OF_ERRORS
from tests.clients.documents import ADDRESS, KEY, blocks
from tests.clients.test_refusing import TABLE

#: A unit of systemd.
NEITHER = {"A program that goes on"}


def test_every_block_is_run_by_a_client_or_says_that_it_is_not() -> None:
    run = {client.block for client in [*CLIENTS, *OF_ERRORS]}
    assert {block for block in blocks() if block.is_run} == run
    assert len(run) > 12


def test_what_is_not_run_is_replayed() -> None:
    not_run = {block.section for block in blocks() if not block.is_run}
    assert {agent.section for agent in AGENTS} == not_run - NEITHER


def test_every_client_has_a_line_in_the_table_of_refusals() -> None:
    assert TABLE.keys() == {client.name for client in CLIENTS}


def test_blocks_are_filled_with_an_address_and_a_key() -> None:
    [block] = {client.block for client in CLIENTS if client.name == "otel-environment"}
    said = block.variables("http://127.0.0.1:1", "ll_1")
    assert said["OTEL_EXPORTER_OTLP_LOGS_ENDPOINT"] == "http://127.0.0.1:1/v1/logs"
    assert said["OTEL_EXPORTER_OTLP_LOGS_HEADERS"] == "x-api-key=ll_1"
    assert not any(word in "".join(said.values()) for word in (ADDRESS, KEY))
