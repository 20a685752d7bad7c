"""docs/send.md: what it prints is run as it is printed, or replayed, or says that it is not run."""

import pytest

from luminalog.console.sending.document import sections
from luminalog.console.sending.guides import CATALOGUE, HOST, KEY, groups, placeholder
from tests.agents import AGENTS
from tests.clients.clients import CLIENTS, OF_ERRORS
from tests.clients.documents import ADDRESS, blocks, printed
from tests.clients.test_refusing import TABLE

#: A unit of systemd, what reads the journal, and what only receives.
NEITHER = {"A program that goes on", "journald", "Routers and switches"}
#: Run by tests of their own: a browser copies one, and the others run beside the vendor's client.
ELSEWHERE = [printed("curl", "sh"), printed("GELF", "sh"), printed("LuminaLog's own client", "python")]


def test_every_block_is_run_by_a_client_or_says_that_it_is_not() -> None:
    run = {client.block for client in [*CLIENTS, *OF_ERRORS]}
    assert {block for block in blocks() if block.is_run} == run | set(ELSEWHERE)
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


def test_console_offers_every_section_that_has_lines_as_the_page_prints_them() -> None:
    offered = [title for rows in CATALOGUE.values() for titles in rows for title in titles]
    assert len(offered) == len(set(offered))
    with_lines = {title for title, section in sections().items() if any(part.is_block for part in section.parts)}
    assert set(offered) == with_lines | {"By pipe"}
    fenced = [block.text.rstrip() for block in blocks()]
    shown = [part.text for one in sections().values() for part in one.parts if part.is_block]
    assert [text for text in shown if text in fenced] == fenced
    assert {name for name in offered if sections()[name].is_replayed} == {agent.section for agent in AGENTS}


@pytest.mark.parametrize("url", ["https://logs.acme.test", "http://127.0.0.1:8000", "https://[2001:db8::1]:8443"])
def test_lines_are_filled_whole(url: str) -> None:
    found = groups(sections(), url=url, key="ll_1", only_sends=False)
    guides = {guide.title: guide for group in found for guide in group.guides}
    text = {
        name: "\n".join(part.text for one in guide.sections for part in one.parts) for name, guide in guides.items()
    }
    assert not any(word in "".join(text.values()) for word in (HOST, KEY))
    scheme, _, netloc = url.partition("://")
    host, port = {"logs.acme.test": ("logs.acme.test", 443), "127.0.0.1:8000": ("127.0.0.1", 8000)}.get(
        netloc, ("[2001:db8::1]", 8443)
    )
    assert f'dsn="{scheme}://ll_1@{netloc}/1"' in text["Sentry's SDKs"]
    assert f'server="{scheme}://{host}" serverport="{port}"' in text["rsyslog"]
    assert (
        f"    Port             {port}\n    tls              {'off' if scheme == 'http' else 'on'}" in text["fluent-bit"]
    )
    assert f"logs_dd_url: {host}:{port}" in text["Datadog's agent"]
    assert ("logs_no_ssl: true" in text["Datadog's agent"]) == (scheme == "http")
    assert f"{scheme}://{host}:{port}/elasticsearch" in text["Filebeat"]
    is_safe = scheme == "https"
    assert f"host: '{host}', port: {port}, ssl: {str(is_safe).lower()}" in text["winston"]
    assert f'Handler("{host}:{port}", "/v1/ndjson", method="POST", secure={is_safe}' in text["Python logging"]
    assert ("HTTPSConnection" in text["GELF"], f'Handler("{host}", port={port})' in text["GELF"]) == (is_safe, True)
    assert [name for name, guide in guides.items() if guide.warning] == ["Sentry's SDKs"]


def test_what_stands_for_a_secret_breaks_no_language() -> None:
    assert [placeholder(name) for name in ("Web shop", 'a"b\'$(c)', "…")] == [
        "SECRET-OF-web-shop", "SECRET-OF-abc", "SECRET-OF-THE-KEY",
    ]  # fmt: skip
