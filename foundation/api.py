"""Which addresses are the API's: programs call them, with a key, and nobody reads a page there."""

import re

#: Ours below /v1/, and /mcp; and those that agents know, at the root, where some can be told nothing else, or below
#: /ingest/.
PATTERN = r"^/(v1|otlp|loki|api|ingest|services)/|^/(mcp|elasticsearch|gelf)(/|$)|^/_[a-z]|^/[^/]+/_bulk/?$"
_is_of_api = re.compile(PATTERN).search


def is_of_api(path: str) -> bool:
    """Tell whether a request to `path` may carry an API key."""
    return _is_of_api(path) is not None
