"""The shipped nginx configuration on ports of its own: only addresses and the certificate are replaced."""

import re
import shutil
import signal
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from embedded.processes import free_port, is_taken, start, stop
from tests.waiting import wait_until

SHIPPED = Path(__file__).resolve().parent.parent.parent / "deploy" / "nginx.conf"
NAME = "logs.example.com"
#: For tests that ask which requests went on to the upstream; no installation writes whole addresses.
HOPS = """\
    log_format hops '$upstream_status $status "$request"';
    access_log {folder}/access.log hops;
"""
#: What Debian's own nginx.conf says around a site, with every path below the test's folder.
AROUND = """\
daemon off;
user root;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log warn;
events {{ worker_connections 1024; }}
http {{
{hops}
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/luminalog.conf;
}}
"""


def program() -> str | None:
    """Return where nginx is; Debian keeps it off a plain user's path."""
    return shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")


@dataclass(frozen=True)
class Nginx:
    """A running nginx."""

    folder: Path
    port: int
    plain_port: int

    @property
    def trust(self) -> Path:
        """The certificate that clients have to trust."""
        return self.folder / "fullchain.pem"

    def passed_on(self) -> list[str]:
        """Return the request lines of all that reached the upstream, as nginx read them, in the order they ended."""
        lines = (self.folder / "access.log").read_text(errors="replace").splitlines()
        return [line.split('"', 1)[1].removesuffix('"') for line in lines if not line.startswith("- ")]


@contextmanager
def running_nginx(folder: Path, *, web_port: int, tail_port: int, tells_hops: bool = True) -> Iterator[Nginx]:
    """Run the shipped configuration in front of these two servers; unless it `tells_hops`, only that writes logs."""
    folder.mkdir()
    nginx = Nginx(folder, port=free_port(), plain_port=free_port())
    _make_certificate(folder)
    (folder / "luminalog.conf").write_text(_rendered(nginx, web_port=web_port, tail_port=tail_port))
    (folder / "nginx.conf").write_text(
        AROUND.format(folder=folder, hops=HOPS.format(folder=folder) if tells_hops else "")
    )
    command = [program() or "nginx", "-e", str(folder / "error.log"), "-c", str(folder / "nginx.conf")]
    with (folder / "output.log").open("wb") as output:
        process = start(command, output=output, last_signal=signal.SIGTERM)
    try:
        wait_until(lambda: is_taken(nginx.port), what=(folder / "error.log").read_text)
        yield nginx
    finally:
        stop(process, how=signal.SIGTERM, timeout_seconds=3)


def trusting(nginx: Nginx) -> ssl.SSLContext:
    """Return a TLS context that trusts this nginx, and no other."""
    return ssl.create_default_context(cafile=str(nginx.trust))


def _rendered(nginx: Nginx, *, web_port: int, tail_port: int) -> str:
    addresses = {
        r"(listen (?:\[::\]:)?)443\b": rf"\g<1>{nginx.port}",
        r"(listen (?:\[::\]:)?)80\b": rf"\g<1>{nginx.plain_port}",
        r"127\.0\.0\.1:8000\b": f"127.0.0.1:{web_port}",
        r"127\.0\.0\.1:8001\b": f"127.0.0.1:{tail_port}",
        r"/etc/luminalog/tls/": f"{nginx.folder}/",
        r"/var/log/nginx/access": f"{nginx.folder}/own-access",
        r"/var/log/nginx/": f"{nginx.folder}/",
    }
    text = SHIPPED.read_text()
    for pattern, replacement in addresses.items():
        text, count = re.subn(pattern, replacement, text)
        assert count, f"{SHIPPED.name} has no {pattern}"
    return text


def _make_certificate(folder: Path) -> None:
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
         "-days", "2", "-subj", f"/CN={NAME}", "-addext", f"subjectAltName=DNS:{NAME},DNS:localhost,IP:127.0.0.1",
         "-keyout", str(folder / "privkey.pem"), "-out", str(folder / "fullchain.pem")],
        check=True, capture_output=True,
    )  # fmt: skip
