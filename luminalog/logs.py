"""Our own logs: one line an event, JSON in production. User text only ever appears as a JSON value."""

import logging.config
from typing import Any

import structlog

from luminalog.redaction import redact

SHARED: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.format_exc_info,
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
                "celery.app.trace": {"level": "WARNING"},
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
