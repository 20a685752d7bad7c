"""This room's Lua scripts on Valkey, by name. redis-py loads one again when the server has forgotten it."""

from functools import cache
from pathlib import Path

from redis.commands.core import Script

from foundation import valkey

BEGINS_WITH_BUCKET = "-- Begins with bucket.lua."


def source(name: str) -> str:
    """Return the text of a script, with what it begins with."""
    text = _read(name)
    return _read("bucket") + text if text.startswith(BEGINS_WITH_BUCKET) else text


def _read(name: str) -> str:
    return (Path(__file__).parent / f"{name}.lua").read_text()


@cache
def script(name: str) -> Script:
    """Return a script to be called with `keys` and `args`. The call raises `redis.RedisError`."""
    return valkey.client().register_script(source(name))
