"""An empty RSGI application; and one that parses JSON lines and forgets them, a PEER to try `make bench` with."""

import msgspec
from granian.rsgi import HTTPProtocol, Scope

_lines = msgspec.json.Decoder()


async def empty(scope: Scope, protocol: HTTPProtocol) -> None:
    """Answer 200."""
    protocol.response_bytes(200, [("content-type", "application/json")], b'{"status": "ok"}')


async def json_lines(scope: Scope, protocol: HTTPProtocol) -> None:
    """Answer 200 when each line is JSON."""
    _lines.decode_lines(await protocol())
    protocol.response_empty(200, [("content-length", "0")])
