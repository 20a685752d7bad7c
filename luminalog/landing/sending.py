"""How logs are sent, in three languages, as each protocol wants them: the examples of what is posted to be kept."""

KEY = "YOUR_API_KEY"


def _sending(path: str, media_type: str, *lines: str) -> dict[str, str]:
    """Return the calls that send these lines of JSON to an address of agents."""
    body, in_javascript = "\n".join(lines), "\\n".join(lines)
    return {
        "curl": f"""
curl -X POST BASE_URL{path} \\
  -H "x-api-key: {KEY}" \\
  -H "Content-Type: {media_type}" \\
  --data-binary '{body}
'
""",
        "javascript": f"""
const response = await fetch('BASE_URL{path}', {{
  method: 'POST',
  headers: {{ 'x-api-key': '{KEY}', 'Content-Type': '{media_type}' }},
  body: '{in_javascript}\\n'
}});
console.log(response.status, await response.text());
""",
        "python": f"""
import requests

response = requests.post(
    'BASE_URL{path}',
    headers={{'x-api-key': '{KEY}', 'Content-Type': '{media_type}'}},
    data='''{body}
'''
)
print(response.status_code, response.text)
""",
    }


_DOCUMENT = '{"@timestamp": "2026-01-26T14:30:00Z", "log.level": "info", "message": "One"}'
#: By operation and language; `BASE_URL` is yet to be put in.
SENDING = {
    "ingest_logs": {
        "curl": f"""
curl -X POST BASE_URL/v1/logs \\
  -H "x-api-key: {KEY}" \\
  -H "Content-Type: application/json" \\
  -d '{{
    "logs": [
      {{
        "timestamp": "'$(date -u +%FT%TZ)'",
        "level": "info",
        "message": "API Request Received",
        "metadata": {{ "user_id": "user_789" }}
      }}
    ]
  }}'
""",
        "javascript": f"""
const response = await fetch('BASE_URL/v1/logs', {{
  method: 'POST',
  headers: {{
    'x-api-key': '{KEY}',
    'Content-Type': 'application/json'
  }},
  body: JSON.stringify({{
    logs: [{{
      timestamp: new Date().toISOString(),
      level: 'info',
      message: 'Node.js event logging',
      metadata: {{ server: 'aws-us-east-1' }}
    }}]
  }})
}});
console.log(response.status, await response.json());
""",
        "python": f"""
import requests
from datetime import datetime, timezone

response = requests.post(
    'BASE_URL/v1/logs',
    headers={{
        'x-api-key': '{KEY}',
        'Content-Type': 'application/json'
    }},
    json={{
        'logs': [{{
            'timestamp': datetime.now(timezone.utc).isoformat(),
            'level': 'info',
            'message': 'Python script event'
        }}]
    }}
)
print(response.status_code, response.json())
""",
    },
    "ingest_ndjson": {
        "curl": f"""
curl -X POST BASE_URL/v1/ndjson \\
  -H "x-api-key: {KEY}" \\
  -H "Content-Type: application/x-ndjson" \\
  --data-binary '{{"timestamp": "2026-01-26T14:30:00Z", "level": "info", "message": "One"}}
{{"timestamp": "2026-01-26T14:30:01Z", "level": "info", "message": "Two"}}'
""",
        "javascript": f"""
const entries = ['One', 'Two'].map((message) => ({{ timestamp: new Date().toISOString(), level: 'info', message }}));
const response = await fetch('BASE_URL/v1/ndjson', {{
  method: 'POST',
  headers: {{ 'x-api-key': '{KEY}', 'Content-Type': 'application/x-ndjson' }},
  body: entries.map((entry) => JSON.stringify(entry)).join('\\n')
}});
console.log(response.status, await response.json());
""",
        "python": f"""
import json
import requests
from datetime import datetime, timezone

now = datetime.now(timezone.utc).isoformat()
entries = [{{'timestamp': now, 'level': 'info', 'message': text}} for text in ('One', 'Two')]
response = requests.post(
    'BASE_URL/v1/ndjson',
    headers={{'x-api-key': '{KEY}', 'Content-Type': 'application/x-ndjson'}},
    data='\\n'.join(json.dumps(entry) for entry in entries)
)
print(response.status_code, response.json())
""",
    },
    "ingest_otlp": _sending(
        "/otlp/v1/logs",
        "application/json",
        '{"resourceLogs": [{"scopeLogs": [{"logRecords": [',
        '  {"timeUnixNano": "1769437800000000000", "severityNumber": 9, "body": {"stringValue": "One"}}',
        "]}]}]}",
    ),
    "ingest_loki": _sending(
        "/loki/api/v1/push",
        "application/json",
        '{"streams": [{"stream": {"app": "shop", "level": "info"}, "values": [["1769437800000000000", "One"]]}]}',
    ),
    "ingest_splunk": _sending(
        "/services/collector/event", "application/json", '{"time": 1769437800.5, "event": "One"}', '{"event": "Two"}'
    ),
    "ingest_splunk_raw": _sending("/services/collector/raw?host=web-1", "text/plain", "One", "Two"),
    "ingest_datadog": _sending(
        "/api/v2/logs", "application/json", '[{"message": "One", "status": "warn", "service": "shop"}]'
    ),
    "ingest_sentry": _sending(
        "/api/1/envelope/",
        "application/x-sentry-envelope",
        "{}",
        '{"type": "event"}',
        '{"level": "error", "exception": {"values": [{"type": "PaymentError", "value": "Card declined"}]}}',
    ),
    "ingest_sentry_event": _sending("/api/1/store/", "application/json", '{"level": "warning", "message": "One"}'),
    "ingest_gelf": _sending(
        "/gelf", "application/json", '{"version": "1.1", "host": "web-1", "short_message": "One", "level": 6}'
    ),
    "ingest_bulk": _sending("/_bulk", "application/x-ndjson", '{"create": {"_index": "shop"}}', _DOCUMENT),
    "ingest_bulk_of_index": _sending("/shop/_bulk", "application/x-ndjson", '{"create": {}}', _DOCUMENT),
}
