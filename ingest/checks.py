"""Settings of this room that would only fail when it is too late: `bin/luminalog check`, and so `migrate`, says it."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error


def check_limits(**_: Any) -> list[CheckMessage]:
    """Return an error for each limit of the backlog that cannot be held."""
    limits = ("SPOOL_MAX_BYTES", "SPOOL_MAX_AGE_SECONDS")
    too_small = [name for name in limits if getattr(settings, name) <= 0]
    missing = [path for path in settings.DISK_PATHS if not Path(path).exists()]
    return [
        *(Error(f"LUMINALOG_{name} must be more than 0.", id="ingest.E001") for name in too_small),
        *(Error(f"LUMINALOG_DISK_PATHS names {path}, which is not there.", id="ingest.E002") for path in missing),
    ]
