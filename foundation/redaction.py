"""Keys out of texts that are kept: our own logs, and what callers say of themselves."""

import re

KEY = re.compile(r"ll_[0-9a-f]{48}", re.ASCII)
#: Of an edge.
TOKEN = re.compile(r"le_[0-9a-f]{48}", re.ASCII)


def redact(text: str) -> str:
    """Return `text` with every API key, and every edge's token, cut to the ends that the admin shows too."""
    for beginning, secret in (("ll_", KEY), ("le_", TOKEN)):
        if beginning in text:
            text = secret.sub(lambda found: f"{found[0][:7]}***{found[0][-4:]}", text)
    return text
