"""Edges and what they send, for tests of the core's side of it."""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec
from django.test import Client

from accounts import trust
from accounts.caller import Caller
from accounts.models import Organisation
from edges import life, wire
from edges.models import Edge
from edges.wire import Carried, Head, Opening
from foundation import valkey
from ingest.spool.payload import pack
from quotas import borrowing, shares
from storage.entry import Entry
from tests.fakes.core import Core, core

NOW = datetime(2026, 1, 26, 14, 30, tzinfo=UTC)
_names = itertools.count(1)


@contextmanager
def at_an_edge(settings: Any, folder: Path) -> Iterator[Core]:
    """Be an edge of a core that answers as it is told to, and know its keys."""
    with core() as server:
        _begin_anew()
        trust.confirm("0" * 64)
        token = folder / "token"
        token.write_text("Edge fra1: le_" + "0" * 48 + "\n")
        settings.CORE_URL, settings.EDGE_TOKEN_FILE, settings.DEVELOPMENT = server.url, str(token), True
        yield server
        _begin_anew()


def _begin_anew() -> None:
    for room in (borrowing, shares):
        room.begin_anew()
        room._link.close()
    valkey.client().delete(shares._register())
    trust.forget()


class Sender:
    """An edge as the core sees it: what it sends is made by hand, so that it can come twice, late, or be foreign."""

    def __init__(self, *callers: Caller, takes_all: bool = False, **fields: Any) -> None:
        draft = Edge(name=f"edge{next(_names)}", takes_all=takes_all, **fields)
        organisations = Organisation.objects.filter(pk__in=[one.organisation_id for one in callers])
        issued = life.create(draft, organisations=list(organisations))
        self.edge, self.token, self.installation = issued.edge, issued.token, str(uuid4())
        self.numbers, self.batch_ids = itertools.count(1), itertools.count(1)

    def carried(self, caller: Caller, *messages: str, **head: Any) -> Carried:
        """Pack a batch; `head` says what is to be other than it is."""
        lines = [msgspec.json.encode(Entry(timestamp=NOW, level="info", message=one)) for one in messages or ("hello",)]
        payload = head.pop("payload", pack(b"\n".join(lines)))
        usual: dict[str, Any] = {
            "edge_batch_id": next(self.batch_ids),
            "organisation_id": caller.organisation_id,
            "api_key_id": caller.api_key_id,
            "project": caller.project,
            "environment": caller.environment,
            "received_at": NOW,
            "period": datetime.now(UTC).date().replace(day=1),
            "requests": 1,
            "entries": len(lines),
            "size_bytes": sum(map(len, lines)),
            "payload_bytes": len(payload),
        }
        return Carried(head=Head(**usual | head), payload=payload)

    def body(
        self, *batches: Carried, number: int | None = None, floor: int | None = None, forgotten: tuple[int, ...] = ()
    ) -> bytes:
        """Return the body of a request."""
        number = next(self.numbers) if number is None else number
        opening = Opening(
            version=wire.VERSION,
            installation=self.installation,
            number=number,
            floor=number if floor is None else floor,
            forgotten=list(forgotten),
            batches=len(batches),
        )
        return wire.write(opening, batches)

    def post(self, body: bytes, path: str = "/v1/edge/batches", **headers: Any) -> Any:
        """Send it."""
        headers = {"HTTP_AUTHORIZATION": f"Bearer {self.token}", **headers}
        return Client().post(path, data=body, content_type=wire.MEDIA_TYPE, **headers)

    def forward(self, *batches: Carried, **opening: Any) -> Any:
        """Send batches."""
        return self.post(self.body(*batches, **opening))

    def ask_tokens(self, *asks: dict[str, Any]) -> Any:
        """Ask for tokens of request limits."""
        usual = {"api_key_id": 0, "generation": "0" * 32, "lent": 0, "returned": 0, "spent": 0}
        body = {"installation": self.installation, "shares": [usual | one for one in asks]}
        return self.post(msgspec.json.encode(body), "/v1/edge/shares")

    def ask(self, *asks: dict[str, Any], **told: Any) -> Any:
        """Ask for loans."""
        period = datetime.now(UTC).date().replace(day=1)
        body = {"installation": self.installation, "asks": [{"period": period} | one for one in asks], **told}
        return self.post(msgspec.json.encode(body), "/v1/edge/grants")
