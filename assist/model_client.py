"""One POST to a model behind an API as OpenAI's, at the address that the operator has set up, and nowhere else.

Over the guarded connection of webhooks: a name is resolved once and checked; no redirect, no proxy is followed.
"""

import http.client
import threading
from contextlib import closing
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import urlsplit

from django.conf import settings
from msgspec import DecodeError, Struct, ValidationError, json

from notify.webhooks import PinnedConnection, WebhookError, resolve_own

MOST_BYTES = 64 * 1024
PROBE_SECONDS = 5.0


class ModelError(Exception):
    """The model has not answered; the message is fit to be shown, and holds nothing of what it said."""


class ModelRefused(ModelError):
    """It does not take the question: too many, not with this key, not so."""


@dataclass(frozen=True, slots=True)
class Said:
    """What the model said, as it said it, and what that came to; None where it does not tell."""

    text: str
    tokens_in: int | None
    tokens_out: int | None


class _Message(Struct):
    content: str | None = None


class _Choice(Struct):
    message: _Message


class _Usage(Struct):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class _Completion(Struct):
    choices: list[_Choice]
    usage: _Usage | None = None


_decode = json.Decoder(_Completion).decode


def is_set_up() -> bool:
    """Tell whether the operator has named a model."""
    return bool(settings.AI_URL and settings.AI_MODEL)


def host() -> str:
    """Return the name of the machine that is asked."""
    return urlsplit(settings.AI_URL).hostname or ""


def ask(body: bytes, *, seconds: float) -> Said:
    """Send a question. Raises: `ModelError`."""
    status, retry_after, answer = _exchange("POST", "chat/completions", body, seconds=seconds)
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        after = f" It takes the next in {retry_after} seconds." if retry_after.isdecimal() else ""
        raise ModelRefused(f"The model takes no more questions now (429).{after}")
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        raise ModelRefused(f"The model does not take our key ({status}).")
    if 400 <= status < 500:
        raise ModelRefused(f"The model does not take the question ({status}).")
    if not 200 <= status < 300:
        raise ModelError(f"The model could not answer ({status}).")
    try:
        found = _decode(answer)
    except (DecodeError, ValidationError, RecursionError) as error:
        raise ModelError("What the model sent is not what such an API answers.") from error
    if not found.choices or not found.choices[0].message.content:
        raise ModelError("The model said nothing.")
    usage = found.usage or _Usage()
    return Said(found.choices[0].message.content, usage.prompt_tokens, usage.completion_tokens)


def probe() -> None:
    """See whether it is there and takes our key. Nothing of anybody's logs is sent. Raises: `ModelError`."""
    status, _, _ = _exchange("GET", "models", None, seconds=PROBE_SECONDS)
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        raise ModelRefused(f"it does not take LUMINALOG_AI_KEY ({status})")
    if status >= 500:
        raise ModelError(f"it answers {status}")


def _exchange(method: str, path: str, body: bytes | None, *, seconds: float) -> tuple[int, str, bytes]:
    """Return status, Retry-After and body of an answer. Raises: `ModelError`."""
    try:
        target = resolve_own(f"{settings.AI_URL.rstrip('/')}/{path}", may_be_public=settings.AI_PUBLIC)
    except WebhookError as error:
        raise ModelError(f"LUMINALOG_AI_URL {error}.") from error
    headers = {"Content-Type": "application/json", "Accept": "application/json", "User-Agent": "LuminaLog"}
    if settings.AI_KEY:
        headers["Authorization"] = f"Bearer {settings.AI_KEY}"
    late = f"The model has not answered within {seconds:.0f} seconds."
    is_late = threading.Event()
    with closing(PinnedConnection(target, answer_seconds=seconds)) as connection:

        def give_up() -> None:
            is_late.set()
            connection.abort()

        watch = threading.Timer(seconds, give_up)
        watch.start()
        try:
            connection.request(method, target.path, body=body, headers=headers)
            response = connection.getresponse()
            answer = response.read(MOST_BYTES + 1)
        except (OSError, ValueError, http.client.HTTPException) as error:
            is_over = is_late.is_set() or isinstance(error, TimeoutError)
            raise ModelError(late if is_over else _why(error)) from error
        finally:
            watch.cancel()
    if len(answer) > MOST_BYTES:
        raise ModelError(f"The model sent more than {MOST_BYTES // 1024} KiB.")
    if response.length:  # of what it had announced
        raise ModelError(late if is_late.is_set() else "The model broke off its answer.")
    return response.status, response.headers.get("Retry-After", ""), answer


def _why(error: Exception) -> str:
    if isinstance(error, http.client.RemoteDisconnected | ConnectionResetError):
        return "The model broke off its answer."
    return f"The model cannot be reached: {type(error).__name__}."
