"""The ASGI application: live tails only. Everything else is WSGI's."""

import os

from foundation import starting

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "luminalog.settings")
starting.set_up(set_prefix=False)

from explore.tail.application import TailApplication  # noqa: E402 - after the setup
from explore.tail.hub import Hub  # noqa: E402
from foundation import memory  # noqa: E402
from luminalog.checks import refuse_unfit_settings  # noqa: E402
from operations.presence import tail_thread  # noqa: E402

refuse_unfit_settings()
tail_thread.wake()
memory.watch()

application = TailApplication(Hub())
