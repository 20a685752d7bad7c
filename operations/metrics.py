"""`/metrics`: what the processes of this machine have counted, and the state of PostgreSQL and Valkey as of now.

A scrape costs five statements and five commands. What does not answer is said to be down, and the rest is told.
"""

import hmac
import platform
import time
from collections.abc import Callable, Iterable, Iterator

import redis
import structlog
from django.conf import settings
from django.db import DatabaseError, InterfaceError
from django.http import HttpRequest, HttpResponse
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, Metric, generate_latest
from prometheus_client.core import GaugeMetricFamily

from foundation import metric_files
from foundation.postgres import discard_if_dead
from ingest.spool.capacity import LIMITS
from operations import proxy_refusals, vitals
from operations.thresholds import State
from storage import archived
from storage.errors import Refused, Unavailable
from storage.store import store

log = structlog.get_logger(__name__)

PATH = "/metrics"
PREFIX = "luminalog_"
AHEAD = "Days after today that have a partition, without a gap; -1 when today has none."


class MetricsMiddleware:
    """Answer `/metrics` to whoever has the token, by whatever name the host is called: scrapers go by address."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path != PATH or not settings.METRICS_TOKEN:
            return self.get_response(request)
        if not is_permitted(request.headers.get("Authorization", "")):
            return HttpResponse(status=401, headers={"WWW-Authenticate": "Bearer"})
        return HttpResponse(exposition(), content_type=CONTENT_TYPE_LATEST, headers={"Cache-Control": "no-store"})


class Collected:
    """A collector, as prometheus_client calls it, of what a function yields."""

    def __init__(self, collect: Callable[[], Iterable[Metric]]) -> None:
        self.collect = collect


def is_permitted(authorization: str) -> bool:
    """Tell whether the header holds the token, in a time that tells nothing else."""
    expected = f"Bearer {settings.METRICS_TOKEN}"
    return bool(settings.METRICS_TOKEN) and hmac.compare_digest(authorization.encode(), expected.encode())


def exposition() -> bytes:
    """Return everything in Prometheus's text format."""
    registry = CollectorRegistry(auto_describe=False)
    for collect in (_counted, _postgresql, _log_store, _valkey, _machine):
        registry.register(Collected(collect))
    return generate_latest(registry)


def _counted() -> Iterator[Metric]:
    """Yield the metrics of all processes on this machine, each sample with its kind of process."""
    families: dict[str, Metric] = {}
    living = GaugeMetricFamily(f"{PREFIX}processes", "Processes of this machine that live.", labels=["process"])
    for counted in _by_process():
        living.add_metric([counted.process], counted.living)
        for metric in counted.metrics:
            family = families.setdefault(metric.name, Metric(metric.name, metric.documentation, metric.type))
            for sample in metric.samples:
                family.add_sample(sample.name, {"process": counted.process, **sample.labels}, sample.value)
    yield living
    yield from families.values()


def _by_process() -> Iterable[metric_files.Counted]:
    if settings.METRICS_DIR and settings.METRICS_DIR.is_dir():
        return metric_files.collect(settings.METRICS_DIR)
    ours = [metric for metric in REGISTRY.collect() if metric.name.startswith(PREFIX)]
    return [metric_files.Counted(process=settings.PROCESS, living=1, metrics=ours)]


def _postgresql() -> Iterator[Metric]:
    began = time.perf_counter()
    try:
        discard_if_dead()
        state, seconds = vitals.state(), time.perf_counter() - began
        spool, full, ahead = vitals.waiting(), vitals.limits_reached(), vitals.partitions_ahead()
        wall_stands = vitals.wall_stands()
    except (DatabaseError, InterfaceError) as error:
        log.warning("scrape_without_postgresql", error=type(error).__name__)
        yield _gauge("postgresql_up", "1 when PostgreSQL has answered this scrape.", 0)
        return
    yield _gauge("postgresql_up", "1 when PostgreSQL has answered this scrape.", 1)
    yield _gauge("postgresql_probe_seconds", "How long one statement took.", seconds)
    yield from _state(state)
    yield _gauge("partitions_ahead_days", AHEAD, ahead.days)
    yield _gauge("wall_stands", "1 when the log store shows readers one organisation's rows only.", wall_stands)
    yield _gauge("spool_rows", "Accepted batches that are not in the log store yet.", spool.batches)
    yield _gauge("spool_bytes", "What they take on disk.", spool.bytes)
    yield _gauge("spool_oldest_seconds", "Age of the oldest of them; 0 when there is none.", spool.oldest_seconds)
    yield _gauge("spool_failed_rows", "Those of them that have failed, and are tried again.", spool.failed_batches)
    yield _gauge("spool_deferred_rows", "Those of them that are to be stored later.", spool.deferred_batches)
    reached = GaugeMetricFamily(f"{PREFIX}limit_reached", "1: batches are refused with backlog_full.", labels=["limit"])
    for limit in LIMITS:
        reached.add_metric([limit], limit in full)
    yield reached


def _log_store() -> Iterator[Metric]:
    """Yield how a log store is that is a server of its own."""
    if store().health is None:
        return
    up = "1 when the log store has answered this scrape; nothing of PostgreSQL's counts here."
    try:
        health = vitals.store_health()
    except (Unavailable, Refused) as error:
        log.warning("scrape_without_log_store", error=type(error).__name__)
        yield _gauge("store_up", up, 0)
        return
    assert health
    yield _gauge("store_up", up, 1)
    yield _gauge("store_parts", "Parts of the day of the log store that has most.", health.most_parts)
    yield _gauge("store_detached_parts", "Parts that the log store has set aside as broken.", health.detached_parts)
    yield _gauge("store_replication_queue", "What a replica of the log store is yet to do.", health.replication_queue)
    yield _gauge("store_absent_replicas", "Replicas of the log store that are away.", health.absent_replicas)
    yield _gauge("store_readonly", "1 while a replica of the log store takes nothing.", health.is_readonly)


def _state(state: State) -> Iterator[Metric]:
    oldest = "Age of the oldest running transaction of a client."
    standstill = "1: batches are accepted, and the log store takes nothing of anybody."
    yield _gauge("store_stands_still", standstill, state.stands_still)
    yield _gauge("dead_letters", "Dead letters that wait for somebody to look at them.", state.dead_letters)
    yield _gauge("erasures_running", "Erasures, and scrubbing of what is stored, that run.", state.erasures_running)
    yield _gauge("erasures_waiting", "Erasures that wait for a second person.", state.erasures_waiting)
    yield _gauge("erasure_oldest_seconds", "For how long the oldest that runs does.", state.oldest_erasure_seconds)
    waits = "For how long the oldest turn of an error group waits that is to be recorded."
    yield _gauge("recording_oldest_seconds", waits, state.oldest_turn_seconds)
    yield _gauge(
        "messages_waiting", "Deliveries of messages that are on their way by channels in use.", state.messages_waiting
    )
    yield _gauge(
        "message_oldest_seconds", "For how long the latest of them is due.", max(state.oldest_message_seconds, 0)
    )
    yield _gauge("channels_stopped", "Channels that were switched off because they are gone.", state.channels_stopped)
    looked = "Seconds since rules for alerts were looked at; -1 if nobody ever did."
    yield _gauge("alerts_looked_seconds", looked, state.alerts_looked_seconds)
    yield _gauge("alert_rules_paused", "Rules that were paused: too slow, or not readable.", state.alert_rules_paused)
    yield _gauge("incidents_open", "Incidents that are open.", state.incidents_open)
    yield _gauge("edges", "Edges that have not ended.", state.edges)
    yield _gauge("edges_silent", "Those of them that were not heard for a minute.", state.edges_silent)
    yield _gauge(
        "edge_oldest_seconds", "For how long a batch waits at an edge to be forwarded.", state.edge_oldest_seconds
    )
    yield _gauge("edge_clock_seconds", "By how much the clock of an edge differs from ours.", state.edge_clock_seconds)
    yield _gauge(
        "edge_refused_batches", "Batches that edges brought and that were not theirs.", state.edge_refused_batches
    )
    yield _gauge("lent_bytes", "Bytes of months that are lent to edges and not settled.", state.lent_bytes)
    yield _gauge("loan_short_bytes", "Bytes that edges have forwarded beyond what was lent.", state.short_bytes)
    if archived.is_on():
        yield from _archive(state)
    if settings.STORE_MOVES_FROM:
        yield from _moving()
    yield _gauge("postgresql_connections", "Connections of clients.", state.connections)
    yield _gauge("postgresql_max_connections", "How many connections PostgreSQL allows.", state.max_connections)
    yield _gauge("postgresql_oldest_transaction_seconds", oldest, state.oldest_transaction_seconds)


def _archive(state: State) -> Iterator[Metric]:
    yield _gauge("archive_waiting_days", "Closed days of organisations to be archived.", state.archive_waiting_days)
    yield _gauge("archive_oldest_seconds", "For how long one of them waits.", state.archive_oldest_seconds)
    looked = "Seconds since a worker looked for days to archive; -1 if none ever did."
    yield _gauge("archive_looked_seconds", looked, state.archive_looked_seconds)
    written = "Seconds since a day was archived whole; -1 if none ever was."
    yield _gauge("archive_written_seconds", written, state.archive_written_seconds)


def _moving() -> Iterator[Metric]:
    moving = vitals.moving()
    yield _gauge("move_left_days", "Days of which PostgreSQL has entries that are to move.", moving.left_days)
    yield _gauge("move_unfinished_days", "Those of them that were begun.", moving.unfinished)
    yield _gauge("move_running", "1 while somebody moves entries.", moving.is_running)
    moved = "Seconds since a day was moved to the log store; -1 if none ever was."
    yield _gauge("moved_seconds", moved, moving.moved_seconds)


def _valkey() -> Iterator[Metric]:
    try:
        seconds, workers, beat_is_silent = vitals.valkey_seconds(), vitals.workers(), vitals.beat_is_silent()
        memory, tail_is_silent = vitals.valkey_memory(), vitals.tail_is_silent()
        mcp_is_silent, syslog_is_silent = vitals.mcp_is_silent(), vitals.syslog_is_silent()
    except redis.RedisError as error:
        log.warning("scrape_without_valkey", error=type(error).__name__)
        yield _gauge("valkey_up", "1 when Valkey has answered this scrape within 50 ms.", 0)
        return
    yield _gauge("valkey_up", "1 when Valkey has answered this scrape within 50 ms.", 1)
    yield _gauge("valkey_probe_seconds", "How long a PING took.", seconds)
    yield _gauge("valkey_memory_bytes", "Memory that Valkey has.", memory.used_bytes)
    yield _gauge("valkey_memory_limit_bytes", "What it may have: maxmemory, or the machine's.", memory.limit_bytes)
    yield _gauge("tail_seen", "1 when a process of the tail, on any machine, lives.", not tail_is_silent)
    if settings.MCP:
        yield _gauge("mcp_seen", "1 when a process of MCP, on any machine, lives.", not mcp_is_silent)
    if settings.SYSLOG:
        told = "1 when a process that listens for syslog, on any machine, lives."
        yield _gauge("syslog_seen", told, not syslog_is_silent)
    living = sum(not worker.is_silent for worker in workers)
    yield _gauge("workers_seen", "Workers, on any machine, that ran a task within the last minute.", living)
    yield _gauge("beat_seen", "1 when a task of beat's ran within the last minute, on any machine.", not beat_is_silent)


def _machine() -> Iterator[Metric]:
    build = GaugeMetricFamily(f"{PREFIX}build_info", "What runs here.", labels=["version", "python"])
    build.add_metric([settings.VERSION, platform.python_version()], 1)
    yield build
    if settings.PROXY_LOG:
        yield proxy_refusals.counted()
    if fullest := vitals.fullest_disk():
        yield _gauge("disk_free_bytes", "Free on the fullest disk of LUMINALOG_DISK_PATHS.", fullest.free_bytes)
        yield _gauge("disk_size_bytes", "Size of that disk.", fullest.size_bytes)


def _gauge(name: str, meaning: str, value: float) -> Metric:
    return GaugeMetricFamily(PREFIX + name, meaning, value=float(value))
