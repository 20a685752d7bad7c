"""What the shipped nginx refuses by itself is counted."""

import socket
import ssl
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from django.test import override_settings

from embedded.processes import free_port
from operations import proxy_refusals
from operations.proxy_refusals import Tally
from tests.hostile.nginx import NAME, Nginx, program, running_nginx, trusting
from tests.waiting import DEADLINE_SECONDS, wait_until

TOO_LARGE = 129 * 2**20


def status(nginx: Nginx, *lines: str, target: str = "/v1/logs", plainly: bool = False) -> int:
    port = nginx.plain_port if plainly else nginx.port
    bare = socket.create_connection(("127.0.0.1", port), timeout=DEADLINE_SECONDS)
    with bare if plainly else trusting(nginx).wrap_socket(bare, server_hostname=NAME) as connected:
        head = [f"POST {target} HTTP/1.1", f"Host: {NAME}", "Connection: close", *lines, "", ""]
        connected.sendall("\r\n".join(head).encode())
        return int(connected.recv(65536).split()[1])


def open_idle(nginx: Nginx) -> ssl.SSLSocket:
    """Open a connection that counts: its request has begun, and its body does not come."""
    bare = socket.create_connection(("127.0.0.1", nginx.port), timeout=DEADLINE_SECONDS)
    connected = trusting(nginx).wrap_socket(bare, server_hostname=NAME)
    connected.sendall(f"POST /v1/logs HTTP/1.1\r\nHost: {NAME}\r\nContent-Length: 9\r\n\r\n".encode())
    return connected


@pytest.mark.skipif(program() is None, reason="nginx is not installed")
def test_refusals_of_nginx_itself_are_counted_by_status(tmp_path: Path) -> None:
    with running_nginx(tmp_path / "nginx", web_port=free_port(), tail_port=free_port()) as nginx:
        assert status(nginx, f"Content-Length: {TOO_LARGE}") == 413
        assert status(nginx, "Content-Length: 0") == 502  # nobody is behind it
        assert status(nginx, "Content-Length: 0", plainly=True) == 403
        idle = [open_idle(nginx) for _ in range(64)]
        wait_until(lambda: status(nginx, "Content-Length: 0") == 503, what="a connection too many")
        for connection in idle:
            connection.close()
        with override_settings(PROXY_LOG=str(nginx.folder / "luminalog-refused.log")):
            wait_until(lambda: counted().keys() >= {"403", "413", "502", "503"}, what=lambda: str(counted()))
            assert counted()["413"] == 1
            assert "499" not in counted()


def counted() -> dict[str, float]:
    return {sample.labels["status"]: sample.value for sample in proxy_refusals.counted().samples}


def test_lines_are_counted_once_and_a_new_file_begins_anew(tmp_path: Path) -> None:
    path, tally = tmp_path / "refused.log", Tally()
    path.write_text("413\n429\nno status\n12\n42")
    assert tally.count(str(path)) == Counter({"413": 1, "429": 1})
    with path.open("a") as file:
        file.write("9\n413\n")
    assert tally.count(str(path)) == Counter({"413": 2, "429": 2})
    path.rename(tmp_path / "refused.log.1")
    path.write_text("503\n" * 3)
    assert tally.count(str(path)) == Counter({"503": 3})
    path.write_text("503\n")  # truncated in place
    assert tally.count(str(path)) == Counter({"503": 1})


def test_file_that_is_not_there_hides_no_other_metric(tmp_path: Path, settings: Any) -> None:
    settings.PROXY_LOG = str(tmp_path / "nowhere")
    assert proxy_refusals.counted().samples == []
