"""Our own logs: one line an event, JSON in production. User text only ever appears as a JSON value."""

import logging.config
import sys
import traceback
from typing import Any

import structlog

from foundation.redaction import redact

#: Exceptions whose messages speak of our code and our machine. Those of others may quote what a client sent.
SPEAKING = (OSError, RuntimeError, AssertionError, TypeError, AttributeError, ImportError)


def _exception(_logger: Any, _method: str, event: dict[str, Any]) -> dict[str, Any]:
    """Write an exception as the places it came through, the first cause first, and no message that may hold a value."""
    given = event.pop("exc_info", None)
    if given is True:
        given = sys.exc_info()
    exception = given[1] if isinstance(given, tuple) else given
    if isinstance(exception, BaseException):
        event["exception"] = "\n".join(reversed([_one(each) for each in _chain(exception)]))
    return event


def _chain(exception: BaseException | None) -> list[BaseException]:
    chain: list[BaseException] = []
    while exception is not None and exception not in chain:
        chain.append(exception)
        exception = exception.__cause__ or (None if exception.__suppress_context__ else exception.__context__)
    return chain


def _one(exception: BaseException) -> str:
    places = "".join(traceback.format_tb(exception.__traceback__))
    code = getattr(exception, "sqlstate", None)
    says = f": {exception}".partition("\n")[0] if isinstance(exception, SPEAKING) else f" {code}" if code else ""
    return f"{places}{type(exception).__module__}.{type(exception).__qualname__}{says}"


SHARED: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    _exception,
]


def configure(options: dict[str, Any]) -> None:
    """Send the standard library's logging and structlog to stdout, in one format."""
    renderer = structlog.processors.JSONRenderer() if options["json"] else structlog.dev.ConsoleRenderer(colors=False)
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {
                "line": {
                    "()": structlog.stdlib.ProcessorFormatter,
                    "foreign_pre_chain": SHARED,
                    "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer, _redact],
                }
            },
            "handlers": {
                "stdout": {"class": "logging.StreamHandler", "formatter": "line", "stream": "ext://sys.stdout"}
            },
            "root": {"handlers": ["stdout"], "level": options["level"]},
            "loggers": {
                "celery.app.trace": {"level": "CRITICAL"},  # quotes exceptions: luminalog.celery says what failed
                "celery.beat": {"level": "WARNING"},
                "django.security": {"level": "CRITICAL"},  # a traceback for each foreign Host: see handler400
                "django.request": {"level": "ERROR"},  # a refusal is counted, and no event of ours
            },
        }
    )
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *SHARED, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


def _redact(_logger: Any, _method: str, line: str) -> str:
    """Leave no API key in a finished line, wherever it came from: a header, an exception, a library."""
    return redact(line)
