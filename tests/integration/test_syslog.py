"""syslog from sockets to the spool: whose it is, how it is framed, and what becomes of what there is no room for."""

import asyncio
import logging
import logging.handlers
import os
import signal
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.db import connections
from msgspec import json
from prometheus_client import Counter

from accounts.directory import directory
from embedded.processes import free_port
from foundation import valkey
from ingest.models import SpooledBatch
from ingest.spool.capacity import capacity
from ingest.spool.payload import unpack
from ingest.syslog import listeners, metrics, waiting
from ingest.syslog.server import Server
from operations import presence
from operations.doctor import processes
from quotas import outcomes
from quotas.models import HourlyUsage
from tests.organisations import make_api_key, make_organisation
from tests.processes import database_url, running_command
from tests.waiting import DEADLINE_SECONDS, wait_until

pytestmark = pytest.mark.django_db(transaction=True)
LOCAL = "127.0.0.1"


@pytest.fixture(autouse=True)
def _nothing_is_known() -> Iterator[None]:
    directory.clear()
    yield
    capacity.forget()


@pytest.fixture
def key() -> str:
    return make_api_key(make_organisation())[1]


@contextmanager
def listening(*addresses: str) -> Iterator[list[int]]:
    """Listen at these addresses in a thread; give the ports."""
    ready, ports, threads = threading.Event(), list[int](), list[Any]()

    async def run() -> None:
        stop, is_ready = asyncio.Event(), asyncio.Event()
        server = Server(listeners.read(" ".join(addresses)))
        threads.append((asyncio.get_running_loop(), stop))
        serving = asyncio.ensure_future(server.run(stop, ready=is_ready))
        await is_ready.wait()
        ports.extend(server.ports)
        ready.set()
        await serving

    def serve() -> None:
        try:
            asyncio.run(run())
        finally:
            connections.close_all()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        assert ready.wait(30)
        yield ports
    finally:
        loop, stop = threads[0]
        loop.call_soon_threadsafe(stop.set)
        thread.join()


def keys_file(folder: Path, *lines: str) -> Path:
    path = folder / "syslog.keys"
    path.write_text("\n".join(lines))
    return path


def kept() -> list[dict[str, Any]]:
    """Return the entries in the spool."""
    return [json.decode(line) for row in SpooledBatch.objects.order_by("pk") for line in unpack(bytes(row.payload))]


def count_of(counter: Counter, *labels: str) -> float:
    return float((counter.labels(*labels) if labels else counter)._value.get())


def kept_messages(number: int) -> list[dict[str, Any]]:
    wait_until(lambda: len(kept()) >= number, what=kept)
    return kept()


def test_what_loggers_send_is_kept_as_entries(key: str, tmp_path: Path) -> None:
    keys = keys_file(tmp_path, "# ours", f"* {key}")
    with listening(f"udp://{LOCAL}:0?keys={keys}", f"tcp://{LOCAL}:0?keys={keys}&zone=Europe/Berlin") as (udp, tcp):
        handler = logging.handlers.SysLogHandler((LOCAL, udp), facility="daemon")
        handler.ident = "shop[7]: "
        handler.emit(logging.LogRecord("shop", logging.ERROR, "", 0, "card refused", None, None))
        handler.close()
        for form in ("--rfc3164", "--rfc5424"):
            for octets in ([], ["--octet-count"]):
                said = ["--tag", "cart", "--priority", "local3.warning", f"as {form} {octets}"]
                command = ["logger", "--server", LOCAL, "--port", str(tcp), "--tcp", form, *octets, *said]
                subprocess.run(command, check=True, timeout=60)
        with socket.create_connection((LOCAL, tcp)) as sender:
            sender.sendall(b"<13>Jul  1 12:00:00 router su: in summer\n26 <13>1 - - - - - - counted\n<13>last")
        entries = {entry["message"]: entry for entry in kept_messages(8)}
    card = entries["card refused"]
    assert (card["level"], card["metadata"]) == (
        "error",
        {"facility": "daemon", "severity": "err", "app": "shop", "pid": "7", "host": LOCAL},
    )
    for message, entry in entries.items():
        if message.startswith("as "):
            assert (entry["level"], entry["metadata"]["app"]) == ("warn", "cart")
            assert entry["metadata"]["facility"] == "local3"
    assert entries["in summer"]["timestamp"].endswith("-07-01T10:00:00Z")  # the listener's zone
    assert {"counted", "last"} < entries.keys()
    assert len(entries) == 8
    outcomes.flush()
    counted = HourlyUsage.objects.filter(outcome="protocol.syslog").values_list("entries", flat=True)
    assert sum(counted) == 8  # of two hours, where one ended meanwhile


def test_message_is_of_the_narrowest_network_unless_it_holds_a_key(key: str, tmp_path: Path) -> None:
    other, own = (make_api_key(make_organisation(slug))[1] for slug in ("other", "own"))
    keys = keys_file(tmp_path, f"* {other}", f"127.0.0.0/8 {key}", f"10.0.0.0/8 {other}")
    with listening(f"tcp://{LOCAL}:0?keys={keys}") as (port,):
        with socket.create_connection((LOCAL, port)) as sender:
            sender.sendall(b"<13>1 - - - - - - by network\n")
            sender.sendall(b'<13>1 - - - - - [luminalog@1 key="%b" x="y"] by key\n' % own.encode())
            sender.sendall(b'<13>1 - - - - - [luminalog@1 key="ll_%b"] nobody\'s\n' % (b"0" * 48))
        kept_messages(3)
    found = {
        json.decode(line)["message"]: (row.organisation_id, line)
        for row in SpooledBatch.objects.all()
        for line in unpack(bytes(row.payload))
    }
    by_network = found["by network"][0]
    assert found["nobody's"][0] == by_network != found["by key"][0]
    assert all(b"ll_" not in line for _, line in found.values())
    assert json.decode(found["by key"][1])["metadata"]["sd"] == {"luminalog@1": {"x": "y"}}


def test_who_has_no_key_is_told_so_by_tcp_and_counted_by_udp(key: str, tmp_path: Path) -> None:
    keys = keys_file(tmp_path, f"10.0.0.0/8 {key}")
    dropped = count_of(metrics.DROPPED, "invalid_api_key")
    with listening(f"tcp://{LOCAL}:0?keys={keys}", f"udp://{LOCAL}:0?keys={keys}") as (tcp, udp):
        with socket.create_connection((LOCAL, tcp)) as sender:
            assert sender.recv(1) == b""  # closed: it keeps what it has
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.sendto(b"<13>hello", (LOCAL, udp))
            wait_until(lambda: count_of(metrics.DROPPED, "invalid_api_key") > dropped)
        keys.write_text(f"* {key}\n")
    assert not kept()


def test_without_room_tcp_waits_and_udp_is_counted(
    key: str, tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "QUEUE_MESSAGES", 50)
    monkeypatch.setattr(waiting, "LONGEST_PAUSE_SECONDS", 1.0)
    monkeypatch.setattr("ingest.spool.capacity.FORGET_AFTER_SECONDS", DEADLINE_SECONDS)
    keys = keys_file(tmp_path, f"* {key}")
    room = settings.SPOOL_MAX_BYTES
    with listening(f"udp://{LOCAL}:0?keys={keys}") as (udp,), socket.socket(type=socket.SOCK_DGRAM) as datagrams:
        datagrams.sendto(b"<13>first by udp", (LOCAL, udp))
        kept_messages(1)
    settings.SPOOL_MAX_BYTES = 1
    assert capacity.look()
    dropped = count_of(metrics.DROPPED, "backlog_full")
    text = b"x" * 10_000
    is_sent = threading.Event()

    def send(port: int) -> None:
        with socket.create_connection((LOCAL, port)) as sender:
            for number in range(1_500):
                sender.sendall(b"<13>1 - - - - - - %d %b\n" % (number, text))
        is_sent.set()

    with listening(f"tcp://{LOCAL}:0?keys={keys}", f"udp://{LOCAL}:0?keys={keys}") as (tcp, udp):
        sender = threading.Thread(target=send, args=[tcp])
        sender.start()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:

            def is_dropped() -> bool:
                datagrams.sendto(b"<13>by udp", (LOCAL, udp))
                return count_of(metrics.DROPPED, "backlog_full") > dropped

            wait_until(is_dropped)  # the queue is full: so is what we read of the connection
        assert not is_sent.is_set()
        assert len(kept()) == 1
        settings.SPOOL_MAX_BYTES = room
        capacity.look()
        sender.join()
        wait_until(lambda: sum("by udp" not in entry["message"] for entry in kept()) == 1_500)
    order = [int(entry["message"].split()[0]) for entry in kept() if "by udp" not in entry["message"]]
    assert order == list(range(1_500))


def test_tls_is_spoken_to_those_with_a_certificate(key: str, tmp_path: Path) -> None:
    certificate, private_key = tmp_path / "cert.pem", tmp_path / "key.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    subprocess.run([*command, "-out", certificate, "-keyout", private_key], check=True, capture_output=True)
    keys = keys_file(tmp_path, f"* {key}")
    ours = f"certificate={certificate}&private_key={private_key}&keys={keys}"
    with listening(f"tls://{LOCAL}:0?{ours}", f"tls://{LOCAL}:0?{ours}&clients={certificate}") as (open_port, own):
        context = ssl.create_default_context(cafile=str(certificate))
        context.check_hostname = False
        send_by_tls(context, open_port, b"<13>1 - - - - - - over TLS\n")
        kept_messages(1)
        with pytest.raises(
            OSError, match=r"(?i)certificate|reset|eof|pipe|shutdown"
        ):  # in its first answer at the latest
            send_by_tls(context, own, b"<13>1 - - - - - - a stranger's\n")
        context.load_cert_chain(certificate, private_key)
        send_by_tls(context, own, b"<13>1 - - - - - - a friend's\n")
        kept_messages(2)
    assert {entry["message"] for entry in kept()} == {"over TLS", "a friend's"}


def send_by_tls(context: ssl.SSLContext, port: int, message: bytes) -> None:
    with socket.create_connection((LOCAL, port)) as plain, context.wrap_socket(plain, server_hostname="x") as sender:
        sender.sendall(message)
        sender.unwrap()


def test_command_keeps_what_it_has_read_when_it_is_stopped(key: str, tmp_path: Path) -> None:
    port = free_port()
    keys = keys_file(tmp_path, f"* {key}")
    env = os.environ | {"DATABASE_URL": database_url(), "LUMINALOG_SYSLOG": f"tcp://{LOCAL}:{port}?keys={keys}"}
    with running_command("syslog", env=env, how=signal.SIGTERM), wait_until(lambda: _connected(port)) as sender:
        sender.sendall(b"<13>1 - - - - - - early\n" * 3)
        sender.shutdown(socket.SHUT_WR)
        assert sender.recv(1) == b""  # read to its end
    assert [entry["message"] for entry in kept()] == ["early"] * 3


def _connected(port: int) -> socket.socket | None:
    try:
        return socket.create_connection((LOCAL, port))
    except OSError:
        return None


def test_doctor_and_metrics_miss_a_listener_where_one_is_wanted(settings: Any) -> None:
    def said() -> list[str]:
        return [f"{one.level}: {one.what}" for one in processes.examine() if one.subject == "syslog"]

    valkey.client().delete(valkey.key(presence.SYSLOG), valkey.key(presence.STARTED))
    assert said() == []
    settings.SYSLOG = f"udp://{LOCAL}:5514?keys=/nowhere"
    [missed] = said()
    assert "nobody has listened" in missed
    assert "/nowhere cannot be read" in missed
    presence.note_syslog()
    [seen] = said()  # it need not be on this machine, nor its files
    assert "was seen in the last minute" in seen
