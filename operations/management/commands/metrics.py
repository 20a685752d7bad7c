"""`bin/luminalog metrics`: print what `/metrics` tells, or serve it on a machine without a web process."""

import sys
from argparse import ArgumentParser
from collections.abc import Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import structlog
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from prometheus_client import CONTENT_TYPE_LATEST

from foundation.stopping import run_until_stopped
from operations.metrics import PATH, exposition, is_permitted

log = structlog.get_logger(__name__)

NOTHING: Mapping[str, str] = {}


class Command(BaseCommand):
    help = "Print the metrics of this machine's processes, or serve them to Prometheus."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--listen", metavar="ADDRESS:PORT", help="serve /metrics here, with the same token")

    def handle(self, *_arguments: Any, **options: Any) -> None:
        if not options["listen"]:
            self.stdout.write(exposition().decode(), ending="")
            return
        if not settings.METRICS_TOKEN:
            raise CommandError("Set LUMINALOG_METRICS_TOKEN: without a token nothing is served.")
        address, _, port = options["listen"].rpartition(":")
        if not (port.isascii() and port.isdigit() and int(port) < 2**16):
            raise CommandError("--listen takes an address and a port: 127.0.0.1:9464")
        try:
            server = Server((address, int(port)), Handler)
        except (OSError, UnicodeError) as error:
            raise CommandError(f"{options['listen']} cannot be listened on: {error}") from error
        with server:
            self.stdout.write(f"Serving http://{options['listen']}{PATH}")
            run_until_stopped(server.serve_forever)


class Server(HTTPServer):
    """Says in one line what went wrong with a scrape: its reader went away, mostly."""

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 - socketserver's signature
        log.warning("scrape_failed", error=type(sys.exc_info()[1]).__name__)


class Handler(BaseHTTPRequestHandler):
    """One scrape after the other: more than one at a time would only ask PostgreSQL twice."""

    timeout = 5

    def do_GET(self) -> None:
        if self.path != PATH:
            return self._answer(HTTPStatus.NOT_FOUND)
        if not is_permitted(self.headers.get("Authorization", "")):
            return self._answer(HTTPStatus.UNAUTHORIZED, headers={"WWW-Authenticate": "Bearer"})
        return self._answer(HTTPStatus.OK, exposition(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    def log_message(self, format: str, *arguments: Any) -> None:
        """Say nothing of a scrape."""

    def _answer(self, status: HTTPStatus, body: bytes = b"", *, headers: Mapping[str, str] = NOTHING) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
