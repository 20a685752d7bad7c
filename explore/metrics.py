"""What operators watch of this room."""

from prometheus_client import Counter, Gauge

STREAMS = Gauge("luminalog_tail_streams", "Live tails that are open.", multiprocess_mode="livesum")
SENT = Counter("luminalog_tail_events", "Events sent to live tails.")
SKIPS = Counter(
    "luminalog_tail_skips", "Times that an organisation's live tails left entries out to be with the present again."
)
PANELS = Counter("luminalog_dashboard_panels", "Panels of dashboards that were asked for, by what answered.", ["by"])
