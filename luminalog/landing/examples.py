"""How each operation is called, in three languages, ready to be pasted: only the key has to be put in."""

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from luminalog.landing.sending import KEY, SENDING

#: What is asked for in the examples of reading, by operation: parts of the address, and parameters.
ASKED: dict[str, tuple[dict[str, str], dict[str, str]]] = {
    "read_logs": ({}, {"query": 'level:error "payment failed"', "limit": "50"}),
    "read_log": ({"entry_id": "1536"}, {}),
    "read_context": ({"entry_id": "1536"}, {"before": "10", "after": "10"}),
    "export_logs": ({}, {"query": "level:>=warn", "format": "csv"}),
    "list_fields": ({}, {"query": "level:error"}),
    "count_logs": ({}, {"query": "level:error", "step": "3600"}),
    "tail_logs": ({}, {"query": "level:error"}),
    "read_trace": ({"trace_id": "4bf92f3577b34da6a3ce929d0e0e4736"}, {}),
    "read_usage": ({}, {}),
    "aggregate_logs": ({}, {"query": "level:>=warn", "measure": "p95:duration_ms", "by": "project"}),
    "list_values": ({}, {"query": "level:>=warn", "field": "project"}),
    "list_patterns": ({}, {"query": "level:>=warn"}),
    "list_groups": ({}, {"state": "unresolved", "sort": "events"}),
    "read_group": ({"number": "17"}, {}),
    "read_evidence": ({"number": "17"}, {}),
    "list_recordings": ({"number": "17"}, {}),
    "read_recording": ({"number": "17", "recording_id": "5"}, {}),
    "list_alert_rules": ({}, {}),
    "read_alert_rule": ({"rule_id": "7"}, {}),
    "list_incidents": ({}, {"state": "open"}),
    "read_incident": ({"incident_id": "84"}, {}),
    "list_silences": ({}, {}),
}
#: What is changed in the examples of changing, by operation: method, parts of the address, and body.
CHANGED: dict[str, tuple[str, dict[str, str], dict[str, Any]]] = {
    "change_group": ("PATCH", {"number": "17"}, {"state": "resolved"}),
    "merge_groups": ("POST", {"number": "17"}, {"groups": [18, 19]}),
    "split_group": ("POST", {"number": "17"}, {"fingerprints": ["9f1c0b7a52d3e846"]}),
    "create_alert_rule": (
        "POST",
        {},
        {"rule_name": "Payments fail", "error_type": "Payment*", "count_threshold": 20, "channels": ["slack"]},
    ),
    "preview_alert_rule": ("POST", {}, {"error_type": "Payment*", "count_threshold": 20}),
    "change_alert_rule": ("PATCH", {"rule_id": "7"}, {"is_active": False}),
    "delete_alert_rule": ("DELETE", {"rule_id": "7"}, {}),
    "acknowledge_incident": ("PATCH", {"incident_id": "84"}, {"acknowledged": True}),
    "create_silence": ("POST", {}, {"rule_id": 7, "minutes": 60, "reason": "The provider is down."}),
    "end_silence": ("DELETE", {"silence_id": "3"}, {}),
    "send_heartbeat": ("POST", {"token": "7-0f2b8c61d94e4a7385c1b6d0e9f72a34"}, {}),
}


@dataclass(frozen=True, kw_only=True)
class Example:
    """The same call in one language."""

    language: str
    title: str
    code: str


def examples(operation: str, path: str, *, base_url: str) -> list[Example]:
    """Return the calls of an operation; none for one that has none."""
    if operation in SENDING:
        return _each(SENDING[operation], base_url=base_url)
    if operation in CHANGED:
        method, parts, body = CHANGED[operation]
        return _each(_changing(method, base_url + path.format(**parts), body), base_url=base_url)
    if operation not in ASKED:
        return []
    parts, parameters = ASKED[operation]
    url = base_url + path.format(**parts)
    return _each(
        {
            "curl": _curl(url, parameters, streams=operation in ("tail_logs", "export_logs")),
            "javascript": _javascript(url, parameters),
            "python": _python(url, parameters),
        },
        base_url=base_url,
    )


def _each(codes: dict[str, str], *, base_url: str) -> list[Example]:
    titles = {"curl": "curl", "javascript": "JavaScript", "python": "Python"}
    return [
        Example(language=language, title=title, code=codes[language].strip().replace("BASE_URL", base_url))
        for language, title in titles.items()
    ]


def _curl(url: str, parameters: dict[str, str], *, streams: bool) -> str:
    given = "".join(f" \\\n  --data-urlencode '{name}={value}'" for name, value in parameters.items())
    options = (" -N -L" if streams else "") + (" -G" if given else "")
    return f'curl{options} {url} \\\n  -H "x-api-key: {KEY}"{given}'


def _javascript(url: str, parameters: dict[str, str]) -> str:
    query = f"?{urlencode(parameters)}" if parameters else ""
    return f"""
const response = await fetch('{url}{query}', {{
  headers: {{ 'x-api-key': '{KEY}' }}
}});
console.log(await response.text());
"""


def _python(url: str, parameters: dict[str, str]) -> str:
    given = f"\n    params={parameters!r}," if parameters else ""
    return f"""
import requests

response = requests.get(
    '{url}',{given}
    headers={{'x-api-key': '{KEY}'}}
)
print(response.text)
"""


def _changing(method: str, url: str, body: dict[str, Any]) -> dict[str, str]:
    """Return the calls; what has no body answers none."""
    has_answer = method != "DELETE"
    return {
        "curl": _curl_with(method, url, json.dumps(body) if body else ""),
        "javascript": _javascript_with(method, url, json.dumps(body) if body else "", has_answer=has_answer),
        "python": _python_with(method, url, body, has_answer=has_answer),
    }


def _curl_with(method: str, url: str, body: str) -> str:
    given = f""" \\
  -H "Content-Type: application/json" \\
  -d '{body}'"""
    return f'curl -X {method} {url} \\\n  -H "x-api-key: {KEY}"{given if body else ""}'


def _javascript_with(method: str, url: str, body: str, *, has_answer: bool) -> str:
    media = ", 'Content-Type': 'application/json'" if body else ""
    given = f",\n  body: JSON.stringify({body})" if body else ""
    answer = ", await response.json()" if has_answer else ""
    return f"""
const response = await fetch('{url}', {{
  method: '{method}',
  headers: {{ 'x-api-key': '{KEY}'{media} }}{given}
}});
console.log(response.status{answer});
"""


def _python_with(method: str, url: str, body: dict[str, Any], *, has_answer: bool) -> str:
    given = f",\n    json={body!r}" if body else ""
    answer = ", response.json()" if has_answer else ""
    return f"""
import requests

response = requests.{method.lower()}(
    '{url}',
    headers={{'x-api-key': '{KEY}'}}{given}
)
print(response.status_code{answer})
"""
