"""Every route of the API, as its own OpenAPI document describes it: documented statuses, answers as in their schema."""

import os
from random import Random
from typing import Any

import hypothesis
import pytest
import schemathesis
from cramjam import snappy
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from schemathesis import GenerationMode, checks

from tests.agent_bodies import DOCUMENT, PROTOBUF, SENTRY_EVENT, bulk, envelope, loki_push, otlp_request
from tests.hostile.site import Site
from tests.hostile.test_agents import mutated
from tests.waiting import DEADLINE_SECONDS

#: `make hostile` makes twenty times as many examples, from a seed of its own.
TIMES = int(os.environ.get("LUMINALOG_HOSTILE_EXAMPLES") or 1)
SEED = int(os.environ.get("LUMINALOG_HOSTILE_SEED") or 1)
CHECKS = [
    checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]
OPERATIONS = [
    ("POST", "/v1/logs"), ("GET", "/v1/logs"), ("GET", "/v1/logs/{entry_id}"), ("GET", "/v1/logs/{entry_id}/context"),
    ("POST", "/v1/ndjson"), ("POST", "/otlp/v1/logs"), ("POST", "/loki/api/v1/push"), ("POST", "/_bulk"),
    ("POST", "/{index}/_bulk"), ("POST", "/services/collector/event"), ("POST", "/services/collector/raw"),
    ("POST", "/api/v2/logs"), ("POST", "/gelf"),
    ("POST", "/api/{number}/envelope/"), ("POST", "/api/{number}/store/"),
    ("GET", "/v1/logs/histogram"), ("GET", "/v1/logs/fields"), ("GET", "/v1/logs/export"),
    ("GET", "/v1/logs/values"), ("GET", "/v1/logs/aggregate"), ("GET", "/v1/logs/patterns"),
    ("GET", "/v1/traces/{trace_id}"), ("GET", "/v1/usage"),
    ("GET", "/v1/groups"), ("GET", "/v1/groups/{number}"), ("PATCH", "/v1/groups/{number}"),
    ("POST", "/v1/groups/{number}/merge"), ("POST", "/v1/groups/{number}/split"),
    ("GET", "/v1/groups/{number}/evidence"),
    ("GET", "/v1/groups/{number}/recordings"), ("GET", "/v1/groups/{number}/recordings/{recording_id}"),
    ("GET", "/v1/alert-rules"), ("POST", "/v1/alert-rules"), ("POST", "/v1/alert-rules/preview"),
    ("GET", "/v1/alert-rules/{rule_id}"), ("PATCH", "/v1/alert-rules/{rule_id}"),
    ("DELETE", "/v1/alert-rules/{rule_id}"),
    ("GET", "/v1/incidents"), ("GET", "/v1/incidents/{incident_id}"), ("PATCH", "/v1/incidents/{incident_id}"),
    ("GET", "/v1/silences"), ("POST", "/v1/silences"), ("DELETE", "/v1/silences/{silence_id}"),
    ("POST", "/v1/heartbeats/{token}"),
]  # fmt: skip


#: Good bodies of media types of which schemathesis knows nothing: it makes none of them by itself.
AGENTS_BODIES = {
    "application/x-sentry-envelope": [envelope(({"type": "event"}, SENTRY_EVENT), ({"type": "session"}, {}))],
    PROTOBUF: [otlp_request(2).SerializeToString(), bytes(snappy.compress_raw(loki_push(b"a", b'{"b": 1}')))],
    "application/x-ndjson": [
        bulk(({"create": {}}, DOCUMENT), ({"delete": {}}, None)).encode(),
        b'{"message": "a"}\n{}\n',
    ],
}


def agents_bodies(media_type: str) -> st.SearchStrategy[bytes]:
    """Return bodies of a media type: good ones, bent ones, and none at all."""
    good = st.sampled_from(AGENTS_BODIES[media_type])
    bent = st.builds(lambda body, seed: mutated(body, Random(seed)), good, st.integers(0, 2**32))
    return good | bent | st.binary(max_size=200)


for _media_type in AGENTS_BODIES:
    schemathesis.openapi.media_type(_media_type, agents_bodies(_media_type))

FUZZ = hypothesis.settings(
    max_examples=12 * TIMES,
    deadline=None,
    database=None,
    phases=[hypothesis.Phase.generate],
    suppress_health_check=list(HealthCheck),
)


def described(site: Site) -> Any:
    with site.session() as session:
        document = session.get(f"{site.base_url}/v1/openapi.json", timeout=DEADLINE_SECONDS).json()
    return schemathesis.openapi.from_dict(document)


def test_every_operation_is_tried(site: Site):
    raw = described(site).raw_schema["paths"]
    found = {(method.upper(), path) for path, methods in raw.items() for method in methods}
    assert found == {*OPERATIONS, ("GET", "/v1/logs/tail")}


@pytest.mark.parametrize(("method", "path"), OPERATIONS, ids=[" ".join(one) for one in OPERATIONS])
def test_operation_answers_as_it_is_described(site: Site, method: str, path: str):
    """Well-formed and ill-formed requests; with a good key, one that may only read, one that nobody made, and none."""
    operation = described(site)[path][method]
    good = site.sender if path.startswith("/api/{number}") else site.secret
    keys = st.sampled_from([good, good, site.reader, "ll_" + "1" * 48, None])
    cases = operation.as_strategy(generation_mode=GenerationMode.NEGATIVE) | operation.as_strategy()

    @hypothesis.seed(SEED)
    @FUZZ
    @given(case=cases, key=keys)
    def tried(case: Any, key: str | None) -> None:
        case.headers.pop("x-api-key", None)
        headers = {"Host": site.host} | ({"x-api-key": key} if key else {})
        response = case.call(
            base_url=site.base_url, session=session, headers=headers, timeout=DEADLINE_SECONDS, verify=session.verify
        )
        case.validate_response(response, checks=CHECKS)

    with site.session() as session:
        tried()
