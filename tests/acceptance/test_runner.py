"""`manage.py up`: the life of the whole product on one machine."""

import inspect
import os
import re
import signal
import socket
import stat
import subprocess
import sys
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest
import requests

from embedded import environment
from embedded.parts import product_parts
from embedded.runner import Runner
from tests.acceptance.product import Product
from tests.processes import IN_BACKGROUND
from tests.waiting import DEADLINE_SECONDS, wait_until

pytestmark = pytest.mark.acceptance
AS_NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--"]
PARTS = ["web", "worker", "beat", "valkey", "postgres"]


def test_product_says_that_it_is_ready_and_how_to_use_it(product: Product) -> None:
    assert product.announcement["base_url"] == product.base_url
    assert requests.get(f"{product.base_url}/readyz", timeout=DEADLINE_SECONDS).json()["status"] == "ok"
    assert f"curl -X POST {product.base_url}/v1/logs" in product.output()
    assert product.api_key in product.output()


@pytest.mark.parametrize(
    "name", ["bootstrap.json", "credentials.json", "env", "metrics_token", "secret_key", "postgres/password"]
)
def test_secrets_are_for_their_owner_only(product: Product, name: str) -> None:
    assert stat.S_IMODE((product.data_dir / name).stat().st_mode) == 0o600


def test_no_secret_is_on_a_command_line(product: Product) -> None:
    secrets = [*product.admin[1:], product.api_key, (product.data_dir / "postgres" / "password").read_text()]
    assert not [command for command in product.processes().values() if any(secret in command for secret in secrets)]


def test_servers_listen_on_loopback_only(product: Product) -> None:
    ports = listening_ports(product)
    assert product.port in ports
    assert len(ports) >= 3
    assert set(ports.values()) == {"0100007F"}  # 127.0.0.1 as /proc writes it


def test_administrator_logs_in(product: Product) -> None:
    session, address = requests.Session(), product.announcement["admin_url"] + "login/"
    session.get(address, timeout=DEADLINE_SECONDS)
    username, password = product.admin
    form = {"username": username, "password": password, "csrfmiddlewaretoken": session.cookies["csrftoken"]}
    assert session.post(address, data=form, allow_redirects=False, timeout=DEADLINE_SECONDS).status_code == 302


def test_manage_py_reaches_the_running_product(product: Product) -> None:
    assert "[X] 0001_tables" in product.manage("showmigrations", "accounts")


def test_second_runner_on_the_same_data_is_refused_in_one_line(product: Product) -> None:
    done = subprocess.run(
        product.command, env=product.environment, capture_output=True, text=True, timeout=DEADLINE_SECONDS
    )
    assert done.returncode == 1
    assert done.stderr == f"luminalog: LuminaLog is already running on the data folder {product.data_dir}.\n"


def test_taken_port_is_said_in_one_line(own_product: Product) -> None:
    with socket.create_server(("127.0.0.1", own_product.port)):
        done = subprocess.run(own_product.command, env=own_product.environment, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith(f"luminalog: Port {own_product.port} of 127.0.0.1 is taken.")
    assert done.stderr.count("\n") == 1


def test_parts_that_die_come_back_and_nothing_survives_a_killed_runner(own_product: Product) -> None:
    own_product.command = [*IN_BACKGROUND, *own_product.command]
    own_product.prepared().start()
    for name in PARTS:
        died = own_product.part_pid(name)
        own_product.kill(name)
        wait_until(partial(part_is_back, own_product, name, died), what=own_product.output)
    wait_until(lambda: readiness(own_product) == "ok", what=own_product.output)

    first = own_product.announcement
    assert own_product.process
    for name in PARTS:  # a halted one takes no signal but this
        os.kill(own_product.part_pid(name), signal.SIGSTOP)
    own_product.process.kill()
    own_product.process.wait()
    wait_until(lambda: not own_product.processes(), what=lambda: str(own_product.processes()))

    own_product.start()  # on what the killed one left behind
    assert own_product.announcement == first
    own_product.stop(signal.SIGINT)  # which was ignored when it began
    assert not (own_product.data_dir / "bootstrap.json").exists()


def test_parts_have_less_than_ten_seconds_together_to_end(tmp_path: Path) -> None:
    """Docker kills after ten, and parts end one after the other."""
    servers = {"DATABASE_URL": "postgresql://localhost/none", "VALKEY_URL": "redis://localhost"}
    parts = product_parts(environment.compute(tmp_path, servers=servers), port=1, tail_port=2)
    postgres, valkey, _clickhouse = re.findall(r"stop_seconds=([\d.]+)", inspect.getsource(Runner))
    # An embedded ClickHouse is for development: no container has one.
    assert sum(part.stop_seconds for part in parts) + float(postgres) + float(valkey) < 10


def nobody_runs_this_python() -> bool:
    same = f"import sys; sys.exit(sys.version != {sys.version!r})"
    return os.geteuid() == 0 and subprocess.run([*AS_NOBODY, sys.executable, "-c", same]).returncode == 0


@pytest.mark.skipif(
    not nobody_runs_this_python(), reason="not root, or this Python is in a folder that only root reads"
)
def test_product_runs_as_a_normal_user(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Nobody may look into root's folders: the data folder's own parents must let it through."""
    folder = tmp_path_factory.mktemp("nobody")
    for parent in (folder, folder.parent, folder.parent.parent):
        parent.chmod(0o755)
    os.chown(folder, 65534, 65534)
    mine = Product(folder / "var", command=AS_NOBODY, HOME=str(folder)).start()
    assert readiness(mine) == "ok"
    assert {os.stat(f"/proc/{pid}").st_uid for pid in mine.processes()} == {65534}
    mine.stop()


def readiness(product: Product) -> str:
    try:
        return str(requests.get(f"{product.base_url}/readyz", timeout=DEADLINE_SECONDS).json()["status"])
    except requests.RequestException:
        return "no answer"


def part_is_back(product: Product, name: str, died: int) -> bool:
    try:
        return product.part_pid(name) != died
    except LookupError:
        return False


def listening_ports(product: Product) -> dict[int, str]:
    """Return the TCP ports that processes of `product` listen on, with their address."""
    inodes = set()
    for pid in product.processes():
        with suppress(OSError):  # it has ended
            for descriptor in os.listdir(f"/proc/{pid}/fd"):
                with suppress(FileNotFoundError):
                    inodes.add(os.readlink(f"/proc/{pid}/fd/{descriptor}").removeprefix("socket:[").rstrip("]"))
    found = {}
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with open(table) as lines:
            for line in list(lines)[1:]:
                fields = line.split()
                if fields[3] == "0A" and fields[9] in inodes:
                    address, port = fields[1].split(":")
                    found[int(port, 16)] = address
    return found
