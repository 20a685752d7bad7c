"""Addresses that agents know, or build themselves: at the root, and again below /ingest/. Never a redirect: POST would
become GET. A line a protocol."""

from django.urls import path, re_path

from foundation.methods import by_method
from ingest.handshakes import elasticsearch, labels, logs_only, ready, splunk_ack, splunk_health, validate
from ingest.protocols.datadog import DATADOG
from ingest.protocols.elasticsearch import BY_INDEX, ELASTICSEARCH
from ingest.protocols.gelf import GELF
from ingest.protocols.loki import LOKI
from ingest.protocols.ndjson import NDJSON
from ingest.protocols.otlp import OTLP
from ingest.protocols.sentry import SENTRY, SENTRY_STORE
from ingest.protocols.splunk import SPLUNK, SPLUNK_RAW
from ingest.views import takes

_bulk = takes(ELASTICSEARCH, by_put=True, is_described=False)
_loki, _otlp = takes(LOKI, is_described=False), takes(OTLP, is_described=False)
_splunk, _splunk_raw = takes(SPLUNK, is_described=False), takes(SPLUNK_RAW, is_described=False)
_datadog, _gelf = takes(DATADOG, is_described=False), takes(GELF, is_described=False)
_SET_UP = (
    r"(?P<asked>_(?:license|xpack|cluster/health|index_template|template|data_stream|ilm/policy|ingest/pipeline"
    r"|component_template|alias|aliases|nodes|cat|logstash)(?:/.*)?)"
)

_everywhere = [
    re_path(r"^otlp/v1/logs/?\Z", _otlp),
    re_path(r"^otlp/v1/(?:traces|metrics)/?\Z", logs_only),
    re_path(r"^loki/api/v1/push/?\Z", _loki),
    re_path(r"^api/prom/push/?\Z", _loki),
    re_path(r"^loki/api/v1/labels/?\Z", labels),
    re_path(r"^ready/?\Z", ready),
    re_path(r"^services/collector(?:/event(?:/1\.0)?)?/?\Z", _splunk),
    re_path(r"^services/collector/raw(?:/1\.0)?/?\Z", _splunk_raw),
    re_path(r"^services/collector/health(?:/1\.0)?/?\Z", splunk_health),
    re_path(r"^services/collector/ack/?\Z", splunk_ack),
    re_path(r"^api/v2/logs/?\Z", _datadog),
    re_path(r"^v1/input/?\Z", _datadog),
    re_path(r"^api/v1/validate/?\Z", validate),
    re_path(r"^api/(?P<number>[^/]+)/envelope/?\Z", takes(SENTRY, is_described=False)),
    re_path(r"^api/(?P<number>[^/]+)/store/?\Z", takes(SENTRY_STORE, is_described=False)),
    re_path(r"^gelf/?\Z", _gelf),
    re_path(r"^(?:elasticsearch/)?_bulk/?\Z", _bulk),
    re_path(r"^(?:elasticsearch/)?(?P<index>[^/]+)/_bulk/?\Z", _bulk),
    re_path(rf"^(?:elasticsearch/)?{_SET_UP}\Z", elasticsearch),
    re_path(r"^elasticsearch/?\Z", elasticsearch),
    re_path(r"^elasticsearch/(?P<asked>[^/]+)/?\Z", elasticsearch),
]
#: OpenAPI tells of these; they are among the others, too, with a slash at their end and below other names.
_told = [
    path("otlp/v1/logs", takes(OTLP)),
    path("loki/api/v1/push", takes(LOKI)),
    path("services/collector/event", takes(SPLUNK)),
    path("services/collector/raw", takes(SPLUNK_RAW)),
    path("api/v2/logs", takes(DATADOG)),
    path("api/<str:number>/envelope/", takes(SENTRY)),
    path("api/<str:number>/store/", takes(SENTRY_STORE)),
    path("gelf", takes(GELF)),
    path("_bulk", takes(ELASTICSEARCH, by_put=True)),
    path("elasticsearch/_bulk", _bulk),  # which is no index
    path("<str:index>/_bulk", takes(ELASTICSEARCH, by_put=True, describe=BY_INDEX)),
]
urlpatterns = [*_told, *_everywhere]
below_ingest = [
    *_everywhere,
    re_path(r"^v1/logs/?\Z", by_method(POST=_otlp, OPTIONS=_otlp)),
    re_path(r"^v1/ndjson/?\Z", takes(NDJSON, is_described=False)),
    re_path(r"^\Z", elasticsearch),
]
