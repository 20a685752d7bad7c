"""Archives in a bucket of S3, or of whatever speaks its protocol. What the settings leave out, AWS's own variables say.

Each object is one request with a checksum that the server verifies: a part is small enough to be sent at once.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from typing import Any

from obstore.exceptions import BaseError, NotFoundError
from obstore.store import S3Store

from archive.errors import CorruptError, MissingError, UnreachableError

CONNECT_SECONDS, REQUEST_SECONDS = 5, 60
TRIES, TRY_SECONDS = 2, 20
#: What a server answered, in words that hold nothing of what was sent.
_STATUS = re.compile(r"\b[45]\d\d [A-Z][A-Za-z ]+\b")
MISSING = (NotFoundError, FileNotFoundError)
#: What is wrong, by the status.
WORDS = {
    "401": "The bucket does not know our key.",
    "403": "The bucket does not let us in.",
    "404": "There is no such bucket.",
}


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """Where the server is, and who we are there; what is empty, AWS's variables or the machine's role say."""

    endpoint: str = ""
    region: str = ""
    key_id: str = ""
    secret: str = field(default="", repr=False)


class Bucket:
    """See `archive.place.Place`."""

    def __init__(self, bucket: str, *, prefix: str, credentials: Credentials) -> None:
        self._bucket = bucket
        self._prefix = prefix
        self._credentials = credentials

    def write(self, name: str, content: bytes) -> None:
        """See there."""
        with self._reached():
            self._store.put(name, content, use_multipart=False)

    def read(self, name: str, *, most_bytes: int) -> bytes:
        """See there."""
        with self._reached():
            try:
                found = self._store.get(name)
                if found.meta["size"] > most_bytes:
                    raise CorruptError(f"{name} is larger than what was written.")
                return bytes(found.bytes())
            except MISSING:
                next(iter(self._store.list()), None)  # without a bucket it is that which is missing
                raise MissingError(f"{name} is not there.") from None

    def names(self, folder: str) -> list[str]:
        """See there."""
        with self._reached():
            return sorted(meta["path"] for some in self._store.list(folder or None) for meta in some)

    def delete(self, names: Sequence[str]) -> None:
        """See there."""
        with self._reached():
            for name in names:
                try:
                    self._store.delete(name)
                except MISSING:
                    continue

    @cached_property
    def _store(self) -> S3Store:
        own = self._credentials
        named = {
            "endpoint": own.endpoint,
            "region": own.region,
            "access_key_id": own.key_id,
            "secret_access_key": own.secret,
        }
        config: dict[str, Any] = {name: value for name, value in named.items() if value}
        return S3Store(
            self._bucket,
            prefix=self._prefix or None,
            checksum_algorithm="sha256",
            client_options={
                "allow_http": own.endpoint.startswith("http://"),
                "connect_timeout": timedelta(seconds=CONNECT_SECONDS),
                "timeout": timedelta(seconds=REQUEST_SECONDS),
            },
            retry_config={"max_retries": TRIES, "retry_timeout": timedelta(seconds=TRY_SECONDS)},
            **config,
        )

    @contextmanager
    def _reached(self) -> Iterator[None]:
        try:
            yield
        except (BaseError, OSError) as error:
            status = _STATUS.search(str(error))
            words = WORDS.get(status[0][:3] if status else "", "The bucket does not answer as it should.")
            answered = f" It said {status[0].strip()}." if status else ""
            raise UnreachableError(f"s3://{self._bucket}: {words}{answered}") from None
