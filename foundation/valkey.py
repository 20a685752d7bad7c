"""Clients of Valkey: short time-outs, one connection pool a process, our key prefix."""

from functools import cache

import redis
from django.conf import settings

TIMEOUT_SECONDS = 0.05
PATIENT_SECONDS = 5.0


@cache
def client() -> redis.Redis:
    """Return this process's client for the request path; it answers or fails within 50 ms."""
    return _connect(TIMEOUT_SECONDS)


@cache
def patient_client() -> redis.Redis:
    """Return this process's client for background work, where an answer may take seconds."""
    return _connect(PATIENT_SECONDS)


def _connect(timeout_seconds: float) -> redis.Redis:
    return redis.Redis.from_url(
        settings.VALKEY_URL,
        protocol=2,
        socket_timeout=timeout_seconds,
        socket_connect_timeout=timeout_seconds,
        retry_on_timeout=False,
        health_check_interval=0,
    )


def key(*parts: object) -> str:
    """Join `parts` into a key below the product's prefix."""
    prefix: str = settings.VALKEY_KEY_PREFIX
    return prefix + ":".join(str(part) for part in parts)
