"""The ASGI application of MCP, in a process of its own. It needs what `requirements-mcp.txt` has."""

import os

from foundation import starting

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "luminalog.settings")
starting.set_up(set_prefix=False)

from assist.mcp.application import McpApplication  # noqa: E402 - after the setup
from foundation import memory  # noqa: E402
from luminalog.checks import refuse_unfit_settings  # noqa: E402
from operations.presence import mcp_thread  # noqa: E402

refuse_unfit_settings()
mcp_thread.wake()
memory.watch()

application = McpApplication()
