"""Bodies that the express lane looks at on the event loop: the worst hold it up little, and none is misread."""

from contextlib import suppress
from functools import cache

import pytest

from accounts.caller import Caller
from foundation.refusals import Refusal
from ingest.acceptance import Request, packed_for
from ingest.express import AT_ONCE_ENTRIES
from ingest.protocol import Incoming, Wishes
from ingest.protocols.luminalog import LUMINALOG
from privacy.effort import TooMuch
from privacy.rules import Rules
from privacy.scrubbing import QuickScrubber, Scrubber
from tests.effort import cpu_seconds
from tests.limits.express_bodies import WORST, plain

SCRUBBER = QuickScrubber(Scrubber(Rules(hash_key=bytes(32))))
WISHES = Wishes(lenient=True, minimum_level=10)
CALLER = Caller(
    organisation_id=1, api_key_id=1, project_id=1, project="shop", environment="production",
    scopes=frozenset({"ingest"}), requests_per_minute=None, keeps_valid_entries=True, minimum_level=10, expires_at=None,
)  # fmt: skip
#: A plain body of the same size takes a tenth of a millisecond: a fortieth of what the loop may be held up.
MOST_TIMES = 20


def look(body: bytes) -> Incoming | None:
    """Do with a body what the loop does."""
    incoming = LUMINALOG.read_at_once(body, WISHES, at_most=AT_ONCE_ENTRIES)
    if incoming:
        request = Request(caller=CALLER, protocol=LUMINALOG, wishes=WISHES, body=body, scrubber=SCRUBBER)
        with suppress(TooMuch):
            packed_for(request, incoming)
    return incoming


@cache
def cpu_seconds_of_a_plain_body() -> float:
    assert look(plain())
    return cpu_seconds(lambda: [look(plain()) for _ in range(20)], times=5) / 20


@pytest.mark.parametrize("name", WORST)
def test_worst_bodies_hold_the_loop_up_for_a_few_plain_ones(name: str) -> None:
    took = cpu_seconds(lambda: look(WORST[name]), times=10)
    assert took < MOST_TIMES * cpu_seconds_of_a_plain_body()


@pytest.mark.parametrize("name", WORST)
def test_what_is_read_at_once_is_what_is_read(name: str) -> None:
    incoming = look(WORST[name])
    if incoming is None:
        return  # the view reads it
    assert incoming == LUMINALOG.read(WORST[name], WISHES)


@pytest.mark.parametrize(
    "body", [b"", b"{}", b'{"logs":[]}', b'\xef\xbb\xbf{"logs":[]}', b"\xff", b'{"logs":[{}]}', b"["]
)
def test_what_is_refused_or_odd_is_never_read_at_once(body: bytes) -> None:
    assert look(body) is None
    with pytest.raises(Refusal):
        LUMINALOG.read(body, WISHES)
