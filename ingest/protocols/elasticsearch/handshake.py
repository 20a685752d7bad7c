"""What agents ask an Elasticsearch before they send: its version and licence, and whether templates are there.

All that they would set up "is there" already, so that they set up nothing.
"""

import re
from collections.abc import Mapping
from typing import Any

from msgspec import json

from ingest.protocol import Head, Reply
from ingest.protocols.elasticsearch import reply

#: Of the product's versions, by the one that a client wants to be compatible with.
VERSIONS = {"7": "7.17.0", "8": "8.17.0", "9": "9.0.0"}
DEFAULT_VERSION = VERSIONS["8"]
#: User-Agents of who asks `GET /` of an Elasticsearch, and of no web site.
AGENTS = re.compile(
    r"elasticsearch-|elastic|logstash|filebeat|metricbeat|heartbeat|auditbeat|packetbeat|winlogbeat", re.I
)
_COMPATIBLE = re.compile(r"compatible-with=(\d{1,2})", re.ASCII)
_NAMED_VERSION = re.compile(r"^[^/\s]+/(\d{1,2}\.\d{1,3}\.\d{1,3})", re.ASCII)
_SET_UP = re.compile(
    r"_(index_template|template|data_stream|ilm/policy|ingest/pipeline|component_template|alias|aliases)(?:/(.*))?\Z"
)
_LISTS: dict[str, Any] = {
    "index_template": {"index_templates": []},
    "component_template": {"component_templates": []},
    "data_stream": {"data_streams": []},
}
_NAMED = {"ilm/policy": {"version": 1, "policy": {"phases": {}}}, "ingest/pipeline": {"processors": []}}
_NOTHING = re.compile(r"_(nodes|cat|logstash)(/.*)?\Z")
_HEALTH = {"cluster_name": "luminalog", "status": "green", "timed_out": False, "number_of_nodes": 1}
_LICENCE = {"license": {"uid": "luminalog", "type": "basic", "status": "active"}}
_XPACK = {**_LICENCE, "features": {}, "tagline": "You know, for X"}


def asks(headers: Mapping[str, str]) -> bool:
    """Tell whether `GET /` is asked of an Elasticsearch, and not of a web site."""
    if "vnd.elasticsearch" in headers.get("Accept", ""):
        return True
    return AGENTS.match(headers.get("User-Agent", "")) is not None


def answer(head: Head, *, method: str, cluster_id: str, version: str = "") -> Reply | None:
    """Answer what is asked at `head.captured["asked"]`; nothing where there is no such thing. `version` pins ours."""
    found = _found(head.captured.get("asked", "").strip("/"), method, head, cluster_id, version)
    return None if found is None else reply(json.encode(found), head)


def _found(asked: str, method: str, head: Head, cluster_id: str, version: str) -> Any:
    if not asked:
        return _banner(version or _version(head), cluster_id)
    if asked in ("_license", "_xpack"):
        return _LICENCE if asked == "_license" else _XPACK
    if asked.startswith("_cluster/health"):
        return _HEALTH
    if found := _SET_UP.match(asked):
        if method not in ("GET", "HEAD"):
            return {"acknowledged": True}
        kind, name = found[1], found[2] or ""
        return _LISTS.get(kind, {name: _NAMED[kind]} if name and kind in _NAMED else {})
    if _NOTHING.match(asked):
        return {}
    return {"acknowledged": True, "shards_acknowledged": True, "index": asked} if method == "PUT" else None


def _version(head: Head) -> str:
    if found := _COMPATIBLE.search(head.headers.get("Accept", "")):
        return VERSIONS.get(found[1], DEFAULT_VERSION)
    agent = head.headers.get("User-Agent", "")
    named = _NAMED_VERSION.match(agent) if AGENTS.match(agent) else None
    return named[1] if named else DEFAULT_VERSION


def _banner(version: str, cluster_id: str) -> dict[str, Any]:
    return {
        "name": "luminalog",
        "cluster_name": "luminalog",
        "cluster_uuid": cluster_id,
        "version": {
            "number": version,
            "build_flavor": "default",
            "build_type": "docker",
            "build_hash": "0",
            "build_date": "2026-01-01T00:00:00Z",
            "build_snapshot": False,
            "lucene_version": "9.12.0",
            "minimum_wire_compatibility_version": "7.17.0",
            "minimum_index_compatibility_version": "7.0.0",
        },
        "tagline": "You Know, for Search",
    }
