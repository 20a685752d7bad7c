"""What a shop logs around an outage of its payment provider."""

import random
from datetime import datetime, timedelta
from typing import Any

STACK = [
    "PaymentError: Insufficient funds",
    "    at processPayment (/srv/app/src/payments/payment.ts:45:11)",
    "    at retry (/srv/app/node_modules/p-retry/index.js:88:23)",
    "    at process.processTicksAndRejections (node:internal/process/task_queues:95:5)",
    "    at async checkout (/srv/app/src/checkout/checkout.ts:120:7)",
]
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


def outage(now: datetime) -> list[dict[str, Any]]:
    """Return 48 minutes of everyday entries, and a spike of errors 20 minutes before `now` with one traced checkout."""
    chance = random.Random(7)
    entries = [_everyday(now - timedelta(seconds=chance.uniform(60, 2_900)), chance) for _ in range(420)]
    entries += [_failure(now - timedelta(seconds=1200 + chance.uniform(-70, 70)), chance) for _ in range(70)]
    return entries + _traced(now - timedelta(seconds=1190))


def _entry(at: datetime, level: str, message: str, **fields: Any) -> dict[str, Any]:
    return {"timestamp": at.isoformat(), "level": level, "message": message, "environment": "production", **fields}


def _everyday(at: datetime, chance: random.Random) -> dict[str, Any]:
    path = chance.choice(["/cart", "/api/products", "/checkout", "/login", "/api/search?q=red+shoes"])
    took = round(chance.lognormvariate(4, 0.7), 1)
    level = chance.choices(["debug", "info", "warn"], [25, 65, 10])[0]
    message = {
        "debug": f"cache hit for {path}",
        "info": f"GET {path} 200 in {took} ms",
        "warn": f"slow query on products took {took * 20:.0f} ms",
    }[level]
    metadata = {"userId": chance.randint(100, 140), "path": path, "duration_ms": took, "request": {"method": "GET"}}
    return _entry(at, level, message, metadata=metadata)


def _failure(at: datetime, chance: random.Random) -> dict[str, Any]:
    order = f"ORD-{chance.randint(10_000, 99_999)}"
    error = {"type": "PaymentError", "message": "Insufficient funds", "stack_trace": STACK, "context": {"attempt": 3}}
    metadata = {"orderId": order, "amount": round(chance.uniform(5, 300), 2), "userId": chance.randint(100, 140)}
    return _entry(at, "error", f"Payment failed for {order}", metadata=metadata, error=error)


def _traced(at: datetime) -> list[dict[str, Any]]:
    steps = [
        (0, "info", "POST /checkout", {}),
        (12, "info", "cart loaded, 3 items", {}),
        (31, "debug", "reserving stock", {}),
        (240, "warn", "payment provider answered 402, trying again", {}),
        (902, "error", "Payment failed for ORD-12345", {"type": "PaymentError", "message": "Insufficient funds",
                                                       "stack_trace": STACK}),
        (911, "info", "stock released", {}),
    ]  # fmt: skip
    return [
        _entry(at + timedelta(milliseconds=offset), level, message, trace_id=TRACE, span_id=f"span-{number}",
               metadata={"orderId": "ORD-12345", "amount": 99.99}, **({"error": error} if error else {}))
        for number, (offset, level, message, error) in enumerate(steps)
    ]  # fmt: skip
