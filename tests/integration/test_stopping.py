"""Commands that run for ever end when a supervisor says so, also when they began where SIGINT is ignored."""

import os
import signal
from contextlib import ExitStack

import pytest

from embedded.processes import free_port
from tests.processes import database_url, running_command

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_commands_that_run_for_ever_stop_well(how: signal.Signals) -> None:
    env = os.environ | {"DATABASE_URL": database_url(), "LUMINALOG_METRICS_TOKEN": "token"}
    commands = [["drain", "--loop"], ["upkeep", "--loop"], ["metrics", "--listen", f"127.0.0.1:{free_port()}"]]
    with ExitStack() as together:
        for command in commands:
            together.enter_context(running_command(*command, env=env, how=how))
