"""Where archives lie: the folder or the bucket that `LUMINALOG_ARCHIVE_URL` names, and what either can do."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from archive.bucket import Bucket, Credentials
from archive.folder import Folder

WANTED = "LUMINALOG_ARCHIVE_URL is file:///a/folder or s3://a-bucket/a/prefix."


class Place(Protocol):
    """Objects by names with / in them. All raise `UnreachableError`."""

    def write(self, name: str, content: bytes) -> None:
        """Keep an object, durably and whole or not at all, in the place of one of this name."""

    def read(self, name: str, *, most_bytes: int) -> bytes:
        """Return an object. Raises: `MissingError`; `CorruptError` when it is larger than `most_bytes`."""

    def names(self, folder: str) -> list[str]:
        """Return the names of all objects below `folder`, in order."""

    def delete(self, names: Sequence[str]) -> None:
        """Delete objects; those that are not there are no error."""


def place() -> Place:
    """Return where archives lie. Raises: `ImproperlyConfigured`."""
    if not settings.ARCHIVE_URL:
        raise ImproperlyConfigured(f"No archive is set up. {WANTED}")
    credentials = Credentials(
        endpoint=settings.ARCHIVE_ENDPOINT,
        region=settings.ARCHIVE_REGION,
        key_id=settings.ARCHIVE_KEY_ID,
        secret=settings.ARCHIVE_SECRET,
    )
    return _opened(settings.ARCHIVE_URL, credentials)


@cache
def _opened(url: str, credentials: Credentials) -> Place:
    parts = urlsplit(url)
    if parts.scheme == "file" and not parts.netloc and parts.path.strip("/") and parts.path[0] == "/":
        return Folder(Path(unquote(parts.path)))
    if parts.scheme == "s3" and parts.netloc and not parts.query and "@" not in parts.netloc:
        return Bucket(parts.netloc, prefix=unquote(parts.path).strip("/"), credentials=credentials)
    raise ImproperlyConfigured(WANTED)
