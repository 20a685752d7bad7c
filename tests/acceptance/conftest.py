"""Acceptance tests share one running product; those that break it start their own `Product`."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from embedded.processes import free_port
from tests.acceptance.product import Product
from tests.leaks import KEY, dump

SDK = "luminalog-sdk==1.1.0"


@pytest.fixture(scope="package")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """The whole product, started by `manage.py up` on a free port with data of its own."""
    listening = f"udp://127.0.0.1:{free_port()} tcp://127.0.0.1:{free_port()}"
    running = Product(tmp_path_factory.mktemp("product") / "var", LUMINALOG_SYSLOG=listening).start()
    yield running
    dumped, leaked = dump(running.database_url), running.leaked_keys()
    running.stop()
    assert len(dumped) > 10_000
    assert KEY.findall(dumped) == []
    assert leaked == {}


@pytest.fixture
def own_product(tmp_path: Path) -> Iterator[Product]:
    """A product for one test alone, not started; it is stopped if it runs at the end."""
    mine = Product(tmp_path / "var")
    yield mine
    if mine.process and mine.process.poll() is None:
        mine.stop()


@pytest.fixture(scope="session")
def sdk(request: pytest.FixtureRequest) -> Path:
    """A folder with the vendor's client; apart from our packages, because it imports as `luminalog`, too."""
    folder: Path = request.config.cache.mkdir(SDK.replace("==", "-"))
    if not (folder / "luminalog").is_dir():
        install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", f"--target={folder}", SDK]
        done = subprocess.run(install, capture_output=True, text=True, timeout=120)
        if done.returncode:
            pytest.skip(f"{SDK} cannot be installed: {done.stderr.strip().splitlines()[-1]}")
    return folder
