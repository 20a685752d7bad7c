"""Archives in a bucket: a real server of S3's protocol, there and away; a folder does the same."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from archive.errors import CorruptError, MissingError, UnreachableError
from archive.place import Place, place
from embedded.processes import free_port
from tests.s3 import s3

SECRET = "hush-hush-hush"


@pytest.fixture(params=["folder", "bucket"])
def opened(request: pytest.FixtureRequest, settings: Any, tmp_path: Path) -> Any:
    """The place that `LUMINALOG_ARCHIVE_URL` names."""
    if request.param == "folder":
        settings.ARCHIVE_URL = f"file://{tmp_path}"
        yield place()
        return
    with s3(tmp_path / "moto.log") as url:
        named(settings, url)
        yield place()


def named(settings: Any, endpoint: str, *, bucket: str = "logs") -> None:
    settings.ARCHIVE_URL, settings.ARCHIVE_ENDPOINT = f"s3://{bucket}/of us", endpoint
    settings.ARCHIVE_REGION, settings.ARCHIVE_KEY_ID, settings.ARCHIVE_SECRET = "eu-west-1", "AKID", SECRET


def test_objects_are_kept_listed_read_and_deleted(opened: Place, settings: Any) -> None:
    large = bytes(range(256)) * 40_000  # more than what a client sends in one piece by itself
    opened.write("a/2026-11-26/one", b"old")
    opened.write("a/2026-11-26/one", b"new")
    opened.write("a/2026-11-26/two", large)
    opened.write("b/2026-11-26/three", b"")

    assert opened.read("a/2026-11-26/one", most_bytes=3) == b"new"
    assert opened.read("a/2026-11-26/two", most_bytes=len(large)) == large
    assert opened.names("a") == ["a/2026-11-26/one", "a/2026-11-26/two"]
    assert opened.names("") == ["a/2026-11-26/one", "a/2026-11-26/two", "b/2026-11-26/three"]
    with pytest.raises(CorruptError):
        opened.read("a/2026-11-26/one", most_bytes=2)
    with pytest.raises(MissingError):
        opened.read("a/2026-11-26/none", most_bytes=2)
    opened.delete(["a/2026-11-26/one", "a/2026-11-26/none"])
    assert opened.names("a") == ["a/2026-11-26/two"]
    assert opened.names("none") == []
    if settings.ARCHIVE_URL.startswith("s3:"):
        named(settings, settings.ARCHIVE_ENDPOINT, bucket="none")
        for ask in (
            lambda: place().write("x", b"x"),
            lambda: place().read("x", most_bytes=1),
            lambda: place().names(""),
        ):
            refused(ask, "There is no such bucket.")


def test_bucket_that_is_away_is_said_to_be(settings: Any) -> None:
    named(settings, f"http://127.0.0.1:{free_port()}")
    refused(lambda: place().write("x", b"x"), "does not answer")


def refused(ask: Callable[[], object], words: str) -> None:
    with pytest.raises(UnreachableError, match=words) as raised:
        ask()
    assert SECRET not in f"{raised.value!r} {raised.value.__context__!r}"
    assert "AKID" not in str(raised.value)


@pytest.mark.parametrize(
    "url", ["file:relative", "file://host/a", "file:///", "s3:///a", "s3://k:s@b", "https://x", "x"]
)
def test_other_addresses_are_refused(settings: Any, url: str) -> None:
    settings.ARCHIVE_URL = url
    with pytest.raises(ImproperlyConfigured, match="LUMINALOG_ARCHIVE_URL is"):
        place()
