"""OpenAI's own client finds in our fake what it expects of a server: so the fake speaks the protocol."""

import os
import subprocess
import sys

import pytest

from tests.clients import environments
from tests.clients.environments import PROGRAMS
from tests.fakes.model import model
from tests.waiting import DEADLINE_SECONDS

pytestmark = pytest.mark.skipif("LUMINALOG_TEST_CLIENTS" not in os.environ, reason="real clients: make test-clients")


def test_fake_speaks_the_protocol() -> None:
    environment = os.environ | {"PYTHONPATH": str(environments.python("openai"))}
    with model() as fake:
        fake.kinds = ["good", "429"]
        command = [sys.executable, str(PROGRAMS / "openai.py.txt"), fake.url]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=DEADLINE_SECONDS)
        assert (done.returncode, done.stderr) == (0, "")
        assert len(fake.received) == 2
