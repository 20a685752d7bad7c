"""This room's Lua scripts on Valkey, by name. redis-py loads one again when the server has forgotten it."""

from functools import cache
from pathlib import Path

from redis.commands.core import Script

from foundation import valkey


def source(name: str) -> str:
    """Return the text of a script."""
    return (Path(__file__).parent / f"{name}.lua").read_text()


@cache
def script(name: str) -> Script:
    """Return a script to be called with `keys` and `args`. The call raises `redis.RedisError`."""
    return valkey.client().register_script(source(name))
