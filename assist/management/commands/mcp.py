"""`bin/luminalog mcp`: serve the tools of MCP. This process becomes the web server that does."""

import os
import sys
from argparse import ArgumentParser
from importlib.util import find_spec
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

INSTALL = "MCP needs more packages: .venv/bin/pip install --require-hashes -r requirements-mcp.txt"


class Command(BaseCommand):
    help = "Serve tools by which a model's client reads logs and error groups (MCP), behind API keys."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--listen", metavar="ADDRESS:PORT", default="127.0.0.1:8002", help="where (127.0.0.1:8002)")

    def handle(self, *_arguments: Any, **options: Any) -> None:
        address, _, port = options["listen"].rpartition(":")
        if not (address and port.isascii() and port.isdigit() and int(port) < 2**16):
            raise CommandError("--listen takes an address and a port: 127.0.0.1:8002")
        if find_spec("mcp") is None:
            raise CommandError(INSTALL)
        os.environ["LUMINALOG_PROCESS"] = "mcp"
        os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(settings.BASE_DIR), os.environ.get("PYTHONPATH")]))
        self.stdout.write(f"Serving http://{options['listen']}/mcp")
        self.stdout.flush()
        # A worker that is told to end while it starts may not hear it.
        server = ["granian", "--interface", "asgi", "--host", address, "--port", port, "--workers", "1"]
        server += ["--workers-kill-timeout", "5"]
        arguments = [sys.executable, "-m", *server, "--log-level", "error", "luminalog.mcp:application"]
        os.execv(sys.executable, arguments)  # noqa: S606 - our own command
