"""What `bin/luminalog up` prints when everything is ready."""

import json
from pathlib import Path

from embedded.credentials import Credentials

TEXT = """
LuminaLog is ready.

  API      {base_url}/v1/logs
  Docs     {base_url}/docs
  Admin    {base_url}/admin/
           user {admin_username}, password {admin_password}
  Key      {api_key}
  Data     {folder}
  Metrics  {base_url}/metrics, for Prometheus; its bearer token is in {folder}/metrics_token

Send two entries:

  curl -X POST {base_url}/v1/logs \\
    -H "x-api-key: {api_key}" \\
    -H "Content-Type: application/json" \\
    -d '{body}'

See them, and send what you like:

  bin/luminalog search payment
  bin/luminalog send "Hello from a shell"

Ctrl-C stops it. The next start finds its data again.

"""


OF_EDGE = """
LuminaLog is ready, as an edge.

  API      {base_url}/v1/logs, with keys of the core's organisations that may send here
  Core     {core_url}: how this edge is, and all that it has forwarded
  Data     {folder}

Ctrl-C stops it. The next start finds what it has not forwarded.

"""
#: Leaves the quotes of the shell for a moment: the entries are of the time when they are sent.
NOW = "'$(date -u +%FT%TZ)'"
TWO_ENTRIES = [
    {
        "timestamp": NOW, "level": "info", "message": "User signed in",
        "metadata": {"user_id": "user-789", "method": "oauth"},
    },
    {
        "timestamp": NOW, "level": "error", "message": "Payment failed",
        "error": {"type": "PaymentError", "message": "Insufficient funds"},
    },
]  # fmt: skip


def welcome(credentials: Credentials, *, base_url: str, folder: Path) -> str:
    """Return the addresses, the log-in and a `curl` to paste."""
    return TEXT.format(
        base_url=base_url,
        folder=folder,
        body=json.dumps({"logs": TWO_ENTRIES}),
        api_key=credentials.api_key,
        admin_username=credentials.admin_username,
        admin_password=credentials.admin_password,
    )


def welcome_edge(*, base_url: str, core_url: str, folder: Path) -> str:
    """Return the addresses of an edge."""
    return OF_EDGE.format(base_url=base_url, core_url=core_url, folder=folder)
