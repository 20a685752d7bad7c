"""No API key in a line of our own logs, whatever logs it."""

import json
import logging
from collections.abc import Iterator

import pytest
import structlog
from django.conf import settings

from accounts.keys import make_key
from luminalog import logs
from luminalog.redaction import redact


@pytest.fixture
def configuration() -> Iterator[None]:
    yield
    logs.configure(settings.LOGGING)


def test_key_is_cut_in_every_line(capsys: pytest.CaptureFixture[str], configuration: None) -> None:
    logs.configure({"json": True, "level": "INFO"})
    key = make_key()
    structlog.get_logger("ours").warning("refused", header=key)
    logging.getLogger("theirs").warning("GET /v1/logs?api_key=%s", key)
    try:
        raise ValueError(f"bad header {key}")
    except ValueError:
        logging.getLogger("theirs").exception("failed")
    out, err = capsys.readouterr()
    assert err == ""
    lines = out.splitlines()
    assert len(lines) == 3
    assert key not in "".join(lines)
    assert all(f"{key[:7]}***{key[-4:]}" in line for line in lines)
    assert json.loads(lines[0])["header"] == f"{key[:7]}***{key[-4:]}"


@pytest.mark.parametrize("text", ["", "ll_", "all_the_things", "ll_" + "a" * 47, "LL_" + "a" * 48])
def test_other_text_is_left_alone(text: str) -> None:
    assert redact(text) == text
