"""Addresses of this room, below /v1/: one line a protocol. `logs` is shared with reading: see `luminalog.urls`.

Those that agents know are in `ingest.agent_urls`.
"""

from django.urls import path, re_path

from ingest.handshakes import logs_only
from ingest.protocols.luminalog import LUMINALOG
from ingest.protocols.ndjson import NDJSON
from ingest.protocols.otlp import OTLP
from ingest.views import takes

post_logs = takes(LUMINALOG, beside=OTLP)

urlpatterns = [
    path("logs", post_logs),
    path("ndjson", takes(NDJSON)),
    re_path(r"^ndjson/\Z", takes(NDJSON, is_described=False)),
    re_path(r"^(?:traces|metrics)/?\Z", logs_only),
]
