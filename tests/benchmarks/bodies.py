"""What benchmarks send: the same entries of about 290 bytes at every run, and HTTP requests as bytes."""

import json
import random
from datetime import UTC, datetime
from typing import Any


def body(entries: int) -> bytes:
    """Return a batch of the LuminaLog API."""
    return json.dumps({"logs": _logs(entries)}).encode()


def json_lines(entries: int) -> bytes:
    """Return the same entries one a line."""
    return "".join(json.dumps(log) + "\n" for log in _logs(entries)).encode()


def request(method: str, target: str, *, body: bytes = b"", **headers: str) -> bytes:
    """Return one HTTP/1.1 request as bytes; a header's name has `_` for `-`."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    lines = [f"{name}: {value}\r\n" for name, value in ({"host": "localhost"} | named).items()]
    return f"{method} {target} HTTP/1.1\r\n{''.join(lines)}content-length: {len(body)}\r\n\r\n".encode() + body


def post_logs(entries: int, *, api_key: str) -> bytes:
    """Return a request that sends so many entries to the product."""
    return request("POST", "/v1/logs", body=body(entries), x_api_key=api_key, content_type="application/json")


def _logs(entries: int) -> list[dict[str, Any]]:
    chance = random.Random(entries)
    return [
        {
            "timestamp": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
            "level": chance.choice(["debug", "info", "info", "info", "warn", "error"]),
            "message": f"GET /v1/orders/{chance.randrange(10**6)} answered {chance.choice([200, 201, 404])}",
            "environment": "production",
            "metadata": {
                "user_id": f"user-{chance.randrange(10**5)}",
                "duration_ms": chance.randrange(3000),
                "region": chance.choice(["eu-central-1", "us-east-1"]),
                "request": {"method": "GET", "bytes": chance.randrange(10**5)},
            },
        }
        for _ in range(entries)
    ]
