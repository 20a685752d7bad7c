"""A SECRET_KEY that production refuses to start with is an error to the doctor, and no other is."""

from typing import Any

import pytest

from luminalog.checks import secret_key_is_secret
from operations.doctor import configuration
from operations.doctor.finding import Severity

WEAK = ["short", "a" * 60, "abcdefghi" * 10, "django-insecure-" + "0Aa1Bb2Cc3Dd4" * 4]


def refuses_to_start(key: str, settings: Any) -> bool:
    settings.SECRET_KEY, settings.DEVELOPMENT = key, False
    return bool(secret_key_is_secret(None))


def worries_the_doctor(key: str, settings: Any) -> bool:
    settings.SECRET_KEY = key
    return next(one for one in configuration.examine() if one.subject == "SECRET_KEY").level is Severity.ERROR


@pytest.mark.parametrize("key", WEAK)
def test_weak_key_refuses_to_start_and_worries_the_doctor(key: str, settings: Any) -> None:
    assert refuses_to_start(key, settings)
    assert worries_the_doctor(key, settings)


@pytest.mark.parametrize("key", ["Zm9vYmFy-_0123456789abcdefghijklmnopqrstuvwxyzABCDE", "abcdefghij" * 5])
def test_strong_key_starts_and_worries_nobody(key: str, settings: Any) -> None:
    assert not refuses_to_start(key, settings)
    assert not worries_the_doctor(key, settings)
