"""`bin/luminalog syslog`: listen for syslog where LUMINALOG_SYSLOG says, until stopped."""

import asyncio
import signal
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from ingest.spool.capacity import capacity
from ingest.syslog.listeners import SettingError, read
from ingest.syslog.server import Server
from operations.presence import syslog_thread


class Command(BaseCommand):
    help = "Listen for syslog by UDP, TCP and TLS, where LUMINALOG_SYSLOG says (docs/syslog.md)."

    def handle(self, *_arguments: Any, **_options: Any) -> None:
        if not settings.SYSLOG:
            raise CommandError("LUMINALOG_SYSLOG says nowhere to listen: udp://0.0.0.0:5514?keys=FILE")
        try:
            asyncio.run(_serve(Server(read(settings.SYSLOG))))
        except SettingError as error:
            raise CommandError(str(error)) from error


async def _serve(server: Server) -> None:
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    syslog_thread.wake()
    capacity.watch()
    await server.run(stop)
