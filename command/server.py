"""The server that entries are sent to: where it is, with which key, and patience with it."""

import http.client
import json
import os
import ssl
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.core.management import CommandError

from embedded import environment
from foundation.command_line import NO_ANSWER, NOT_UNDERSTOOD

TIMEOUT_SECONDS = 30
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.5, 30.0
#: The same request may be answered otherwise a moment later.
TRY_AGAIN_STATUSES = {408, 409, 425, 500, 502, 503, 504}
TRY_AGAIN_CODES = {"rate_limited", "too_many_failures", "too_many_requests"}

Wait = Callable[[float], object]


@dataclass(frozen=True)
class Server:
    """An address such as `https://logs.example.com`, and a key that may send there."""

    url: str
    api_key: str

    def send(self, entries: list[bytes], *, is_over: Callable[[float], bool], wait: Wait) -> dict[str, Any]:
        """Send `entries`, one JSON object each, exactly once; return the answer.

        `is_over` tells whether the seconds that were spent on it are enough. Raises: `CommandError`.
        """
        began, pause = time.monotonic(), FIRST_PAUSE_SECONDS
        headers = {
            "x-api-key": self.api_key, "Content-Type": "application/x-ndjson", "Idempotency-Key": uuid.uuid4().hex,
        }  # fmt: skip
        while True:
            why, after = "", pause
            try:
                status, answer = self._post(b"\n".join(entries), headers)
            except (OSError, http.client.HTTPException) as error:
                why = str(error) or type(error).__name__
            else:
                if status == http.HTTPStatus.OK:
                    return answer
                if status == http.HTTPStatus.BAD_REQUEST and answer.get("errors"):  # none of them is an entry
                    return {"processed": 0, "rejected": len(entries), "errors": answer["errors"]}
                why = f"{status} {answer.get('code', '')}: {answer.get('detail', '')}"
                if status not in TRY_AGAIN_STATUSES and answer.get("code") not in TRY_AGAIN_CODES:
                    raise CommandError(f"{self.url} refuses: {why}")
                after = max(pause, float(answer["retry_after"]))
            if is_over(time.monotonic() - began + after):
                raise CommandError(f"{self.url} does not take them: {why}", returncode=NO_ANSWER)
            wait(after)
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)

    def _post(self, body: bytes, headers: dict[str, str]) -> tuple[int, dict[str, Any]]:
        """Return the status, and the answer's members with `retry_after` in seconds; 0 without one."""
        parts = urlsplit(self.url)
        connect = http.client.HTTPConnection if parts.scheme == "http" else http.client.HTTPSConnection
        connection = connect(parts.hostname or "", parts.port, timeout=TIMEOUT_SECONDS)
        try:
            connection.request("POST", f"{parts.path.rstrip('/')}/v1/ndjson", body, headers)
            answer = connection.getresponse()
            read = answer.read()
            after = answer.headers.get("Retry-After", "")
        except ssl.SSLCertVerificationError as error:
            raise CommandError(f"{self.url} is not whom it says: {error.verify_message}.") from error
        finally:
            connection.close()
        return answer.status, _members(read) | {"retry_after": after if after.isdecimal() else 0}


def server(*, url: str | None, key_file: Path | None) -> Server:
    """Return the server that options, the environment or the running product name. Raises: `CommandError`."""
    url = url or os.environ.get("LUMINALOG_URL")
    api_key = key_file.read_text().strip() if key_file else os.environ.get("LUMINALOG_API_KEY", "").strip()
    if url is None:
        here = _announced()
        return Server(here["base_url"], api_key or here["api_key"])
    if not api_key:  # the key of the product here is not for another
        raise CommandError("Name a key: LUMINALOG_API_KEY, or --key-file.", returncode=NOT_UNDERSTOOD)
    if not (api_key.isascii() and api_key.isprintable()):
        raise CommandError("The key is not one line of ASCII.", returncode=NOT_UNDERSTOOD)
    _require_address(url)
    return Server(url, api_key)


def _announced() -> dict[str, str]:
    try:
        read: dict[str, str] = json.loads((environment.data_dir() / "bootstrap.json").read_text())
    except FileNotFoundError as error:
        what = "No LuminaLog runs here (`make run` starts one): name another with --url or LUMINALOG_URL."
        raise CommandError(what, returncode=NO_ANSWER) from error
    return read


def _require_address(url: str) -> None:
    """Raises: `CommandError` where the key would travel in clear, or nowhere."""
    try:
        parts = urlsplit(url)
        is_address = bool(parts.scheme in ("http", "https") and parts.hostname and (parts.port is None or parts.port))
    except ValueError:
        is_address = False
    if not is_address:
        raise CommandError("Write the address as https://logs.example.com", returncode=NOT_UNDERSTOOD)
    if parts.scheme == "http" and not _is_loopback(parts.hostname or ""):
        raise CommandError(
            "Use https://: over http:// anybody on the way could read the key.", returncode=NOT_UNDERSTOOD
        )


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _members(body: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(body)
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}
