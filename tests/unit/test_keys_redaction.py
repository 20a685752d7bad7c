"""No API key in a line of our own logs, whatever logs it."""

import json
import logging
from collections.abc import Iterator

import pytest
import structlog
from django.conf import settings

from accounts.keys import make_key
from foundation import logs
from foundation.redaction import redact


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
        raise RuntimeError(f"bad header {key}")
    except RuntimeError:
        logging.getLogger("theirs").exception("failed")
    out, err = capsys.readouterr()
    assert err == ""
    lines = out.splitlines()
    assert len(lines) == 3
    assert key not in "".join(lines)
    assert all(f"{key[:7]}***{key[-4:]}" in line for line in lines)
    assert json.loads(lines[0])["header"] == f"{key[:7]}***{key[-4:]}"


def test_exception_is_told_by_its_places_and_not_by_what_it_quotes(
    capsys: pytest.CaptureFixture[str], configuration: None
) -> None:
    logs.configure({"json": True, "level": "INFO"})
    try:
        try:
            int("what a client sent")
        except ValueError as error:
            raise RuntimeError("our own words") from error
    except RuntimeError:
        structlog.get_logger("ours").exception("failed")
    told = json.loads(capsys.readouterr().out)["exception"]
    assert "what a client sent" not in told.replace('int("what a client sent")', "")  # our source may be quoted
    assert told.splitlines()[-1] == "builtins.RuntimeError: our own words"
    assert "\nbuiltins.ValueError\n" in told
    assert told.index("ValueError") < told.index("RuntimeError: our own words")


@pytest.mark.parametrize("text", ["", "ll_", "all_the_things", "ll_" + "a" * 47, "LL_" + "a" * 48])
def test_other_text_is_left_alone(text: str) -> None:
    assert redact(text) == text
