"""The plain reference and the server agree on mutated bodies over HTTP, as they do on the parser by itself."""

import os
from random import Random
from typing import Any

from tests.hostile.site import Site
from tests.limits.test_wire_properties import Bodies, by_the_reference
from tests.waiting import DEADLINE_SECONDS

#: 250 each way in `make test`, 5,000 in `make hostile`.
BODIES = 250 * int(os.environ.get("LUMINALOG_HOSTILE_EXAMPLES") or 1)
SEED = int(os.environ.get("LUMINALOG_HOSTILE_SEED") or 1)


def test_server_and_reference_agree_on_mutated_bodies(site: Site):
    seeds = Random(f"{SEED} {site.name}")
    with site.session() as session:
        session.headers.update({"x-api-key": site.secret, "Content-Type": "application/json"})
        for _ in range(BODIES):
            body = Bodies(seeds.getrandbits(64)).body()
            answer = session.post(f"{site.base_url}/v1/logs", data=body, timeout=DEADLINE_SECONDS)
            assert (answer.status_code, _verdict(answer.json())) == _expected(body), body


def _verdict(answer: dict[str, Any]) -> object:
    """What an answer says of a batch: how much was kept, or which code, or what is wrong where."""
    if "processed" in answer:
        return answer["processed"]
    places = [(error["pointer"], error["code"]) for error in answer.get("errors", [])]
    return answer["code"] if [pointer for pointer, _ in places] in ([], [""], ["/logs"]) else sorted(places)


def _expected(body: bytes) -> tuple[int, object]:
    kind, code, kept, wrong = by_the_reference(body)
    if kind == "refused":
        return 400, code
    return (400, wrong) if wrong else (200, len(kept))
