"""The process of MCP as it runs in production, on the test database, and the official package's client of it."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx2
import requests
from mcp.client import Client
from mcp.client.streamable_http import streamable_http_client

from embedded.processes import free_port, is_taken, start, stop
from tests.processes import database_url
from tests.waiting import DEADLINE_SECONDS, wait_until

T = TypeVar("T")


@dataclass(frozen=True)
class McpProcess:
    """The running process."""

    url: str

    def ask(self, key: str, use: Callable[[Client], Awaitable[T]], *, mode: str = "auto", **headers: str) -> T:
        """Connect with the package's client, and return what `use` makes of it. Raises: what the client raises."""

        async def connected() -> T:
            given = {"x-api-key": key} | {name.replace("_", "-"): value for name, value in headers.items()}
            async with (
                httpx2.AsyncClient(headers=given, timeout=DEADLINE_SECONDS, trust_env=False) as http,
                Client(streamable_http_client(self.url, http_client=http), mode=mode) as client,
            ):
                return await use(client)

        return asyncio.run(connected())

    def call(self, key: str, tool: str, **arguments: Any) -> tuple[bool, str]:
        """Call a tool; return whether it was refused, and what it said."""

        async def called(client: Client) -> tuple[bool, str]:
            result: Any = await client.call_tool(tool, arguments)
            [content] = result.content
            return result.is_error, content.text

        return self.ask(key, called)

    def post(self, body: Any, *, method: str = "POST", path: str = "", **headers: str) -> requests.Response:
        """Ask by hand; a header's name has `_` for `-`."""
        given = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
        given |= {name.replace("_", "-"): value for name, value in headers.items()}
        return requests.request(method, self.url + path, json=body, headers=given, timeout=DEADLINE_SECONDS)


@contextmanager
def running_mcp(**environment: str) -> Iterator[McpProcess]:
    """Run the process on the database of this test run, patient."""
    port = free_port()
    command = [sys.executable, "-m", "granian", "--interface", "asgi", "--host", "127.0.0.1", "--port", str(port)]
    process = start(
        [*command, "--workers", "1", "--log-level", "warning", "tests.integration.patient_mcp:application"],
        env=os.environ
        | {"DATABASE_URL": database_url(), "VALKEY_KEY_PREFIX": f"ll:mcp-{port}:", "LUMINALOG_MCP": "1"}
        | environment,
        output=subprocess.DEVNULL,
        last_signal=signal.SIGKILL,
    )
    try:
        wait_until(lambda: _listens(process, port), what="MCP")
        yield McpProcess(f"http://127.0.0.1:{port}/mcp")
    finally:
        stop(process, how=signal.SIGTERM, timeout_seconds=5)


def _listens(process: "subprocess.Popen[bytes]", port: int) -> bool:
    assert process.poll() is None, "MCP ended at once"
    return is_taken(port)
