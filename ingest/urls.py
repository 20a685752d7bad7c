"""Addresses of this room, below /v1/: one line a protocol. `logs` is shared with reading: see `luminalog.urls`."""

from django.urls import path

from ingest.protocols.luminalog import LUMINALOG
from ingest.protocols.ndjson import NDJSON
from ingest.views import takes

post_logs = takes(LUMINALOG)

urlpatterns = [
    path("logs", post_logs),
    path("ndjson", takes(NDJSON)),
]
