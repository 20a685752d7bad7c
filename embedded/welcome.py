"""What `manage.py up` prints when everything is ready."""

import json
from datetime import UTC, datetime
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

Ctrl-C stops it. The next start finds its data again.

"""


def welcome(credentials: Credentials, *, base_url: str, folder: Path) -> str:
    """Return the addresses, the log-in and a `curl` to paste."""
    return TEXT.format(
        base_url=base_url,
        folder=folder,
        body=json.dumps({"logs": _two_entries(datetime.now(UTC))}),
        api_key=credentials.api_key,
        admin_username=credentials.admin_username,
        admin_password=credentials.admin_password,
    )


def _two_entries(now: datetime) -> list[dict[str, object]]:
    timestamp = now.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    signed_in = {"timestamp": timestamp, "level": "info", "message": "User signed in"}
    failed = {"timestamp": timestamp, "level": "error", "message": "Payment failed"}
    return [
        {**signed_in, "metadata": {"user_id": "user-789", "method": "oauth"}},
        {**failed, "error": {"type": "PaymentError", "message": "Insufficient funds"}},
    ]
