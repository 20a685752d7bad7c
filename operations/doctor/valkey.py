"""Valkey and the broker: are they there, and do they keep what is given to them?"""

import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import redis
from django.conf import settings
from kombu import Connection
from kombu.exceptions import OperationalError

from foundation import valkey
from operations import vitals
from operations.doctor.finding import Finding, error, ok, warning
from operations.doctor.postgresql import clock_finding

BROKER_SECONDS = 3


def examine() -> Iterator[Finding]:
    """Ask Valkey, and the broker if that is another."""
    yield from _valkey()
    if settings.CELERY_BROKER_URL != settings.VALKEY_URL:
        yield _broker()


def _valkey() -> Iterator[Finding]:
    try:
        vitals.valkey_seconds()
        began = time.time()
        seconds, microseconds = valkey.patient_client().time()
        ended = time.time()
        told = valkey.patient_client().info()
    except redis.RedisError as failure:
        address = urlsplit(settings.VALKEY_URL)
        yield error(
            "Valkey",
            f"Valkey does not answer at {address.hostname}:{address.port or 6379} ({type(failure).__name__}):"
            " each process limits by itself, and a broker there moves nothing.",
            "Start it, and check VALKEY_URL. Nothing is refused meanwhile.",
        )
        return
    yield ok("Valkey", f"Valkey or Redis {told.get('valkey_version') or told['redis_version']} answers within 50 ms.")
    yield clock_finding("Valkey's clock", seconds + microseconds / 1e6, began=began, ended=ended)
    yield from _memory(told)
    if not told["aof_enabled"]:
        yield warning(
            "Valkey's file",
            "Valkey writes no append-only file: a restart fills every bucket and forgets counts of refusals.",
            "Set appendonly yes.",
        )


def _memory(told: dict[str, Any]) -> Iterator[Finding]:
    policy, memory = told["maxmemory_policy"], vitals.valkey_memory()
    if memory.is_nearly_full:
        yield error(
            "Valkey's memory",
            f"Valkey's {memory.limit_bytes} bytes are nearly used up.",
            "Raise maxmemory, or add memory.",
        )
    if policy != "noeviction":
        yield warning(
            "Valkey's memory",
            f"Valkey forgets keys when its memory is full ({policy}): limits start anew, tasks vanish.",
            "Set maxmemory-policy noeviction.",
        )
    else:
        yield ok("Valkey's memory", "Valkey forgets nothing by itself.")


def _broker() -> Finding:
    scheme = settings.CELERY_BROKER_URL.split(":", 1)[0]
    try:
        with Connection(settings.CELERY_BROKER_URL, connect_timeout=BROKER_SECONDS) as connection:
            connection.ensure_connection(max_retries=1, timeout=BROKER_SECONDS)
    except (OperationalError, OSError) as failure:
        return error(
            "broker",
            f"The broker ({scheme}) does not answer ({type(failure).__name__}): workers are not told of new batches.",
            "Start it, and check CELERY_BROKER_URL; bin/luminalog upkeep --loop stores batches meanwhile.",
        )
    return ok("broker", f"The broker ({scheme}) answers.")
