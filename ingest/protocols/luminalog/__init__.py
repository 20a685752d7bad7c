"""The published LuminaLog API: `POST /v1/logs`."""
