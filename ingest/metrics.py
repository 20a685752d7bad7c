"""What operators watch of this room: what was accepted, what was stored, and the time between the two."""

from functools import cache

from prometheus_client import Counter, Gauge, Histogram

ACCEPTED_BATCHES = Counter("luminalog_accepted_batches", "Batches answered 200, repeats left out.")
ACCEPTED_ENTRIES = Counter("luminalog_accepted_entries", "Entries of accepted batches.")
ACCEPTED_BYTES = Counter("luminalog_accepted_bytes", "Bytes of accepted entries, as they are charged.")
PROTOCOL_ENTRIES = Counter(
    "luminalog_protocol_entries", "Entries of accepted batches, by what their sender speaks.", ["protocol"]
)
CUT_ENTRIES = Counter(
    "luminalog_cut_entries", "Entries of agents that were made to fit a limit, by the part that was cut.", ["part"]
)
LET_GO_ITEMS = Counter(
    "luminalog_let_go_items", "What agents sent that is no entry, and was let go, by what it is.", ["kind"]
)
EXPRESS_BATCHES = Counter("luminalog_express_batches", "Batches answered 200 that came by the express lane.")
DEFERRED_BATCHES = Counter("luminalog_deferred_batches", "Batches answered 200 beyond a limit, to be stored later.")
OVERFLOW_FULL = Gauge(
    "luminalog_overflow_full_organisations",
    "Organisations whose overflow lane is switched off, as too much of theirs is deferred.",
    multiprocess_mode="livemax",
)
CAPACITY_UNKNOWN = Gauge(
    "luminalog_capacity_unknown",
    "1 while a process cannot tell whether there is room: nobody is refused for that.",
    multiprocess_mode="livemax",
)
REJECTED_ENTRIES = Counter(
    "luminalog_rejected_entries", "Entries refused while others of their batch were kept, by what was wrong.", ["code"]
)
SCRUBBED_ENTRIES = Counter(
    "luminalog_scrubbed_entries",
    "Entries in which something was replaced before they were kept, or found and left, by detector.",
    ["detector", "action"],
)
BELOW_LEVEL_ENTRIES = Counter("luminalog_below_level_entries", "Entries dropped by their key's minimum level.")
COMMIT_GROUPS = Histogram(
    "luminalog_commit_group_batches",
    "How many batches of a process were kept by one statement and one flush.",
    buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256),
)

STORED_BATCHES = Counter("luminalog_stored_batches", "Spool rows that were moved into the log store.")
STORED_ENTRIES = Counter("luminalog_stored_entries", "Entries that were moved into the log store.")
STORED_BYTES = Counter("luminalog_stored_bytes", "Bytes of entries that were moved into the log store.")
STORED_AFTER = Histogram(
    "luminalog_stored_after_seconds",
    "From a batch's acceptance to its being readable in the log store.",
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 3600),
)
DRAIN_SECONDS = Histogram(
    "luminalog_drain_duration_seconds",
    "One group of batches, from the beginning of its transaction to the end of its commit.",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
PRESENCE_MISMATCHES = Counter(
    "luminalog_presence_mismatches",
    "Claims that a log store has answered for, and of which entries were missing there.",
)
STORED_TWICE = Counter("luminalog_stored_twice", "Copies of entries that were found in a log store.")
CLAIMS_SETTLED = Counter(
    "luminalog_claims_settled", "Claims that failed too often: fenced, and what was there of them certified or removed."
)
DRAIN_FAILURES = Counter("luminalog_drain_failures", "Groups of batches that could not be stored, and are tried again.")


@cache
def of_protocol(name: str) -> Counter:
    """Return the counter of a protocol's entries: finding it each time would cost more than counting."""
    return PROTOCOL_ENTRIES.labels(name)
