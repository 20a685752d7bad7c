"""What operators watch of messages."""

from prometheus_client import Counter

DELIVERIES = Counter(
    "luminalog_deliveries",
    "Tries to deliver a message: delivered, failed (and tried again), given_up, refused; or held back by the brake.",
    ["channel", "result"],
)
