"""What operators watch of error groups: made, overflown, failed, and what looking costs."""

from prometheus_client import Counter, Histogram

GROUPS_MADE = Counter("luminalog_groups_made", "Error groups that were made.")
GROUPED_ENTRIES = Counter("luminalog_grouped_entries", "Errors that were counted in a group of their own.")
OVERFLOW_ENTRIES = Counter(
    "luminalog_group_overflow_entries", "Errors counted with others because there was no room for a group of their own."
)
FILTERED_ENTRIES = Counter("luminalog_filtered_errors", "Errors that an organisation's filters left out of all groups.")
REGRESSIONS = Counter("luminalog_regressed_groups", "Resolved groups that came back.")
GROUPING_FAILURES = Counter(
    "luminalog_grouping_failures", "Errors, or claims of batches, that could not be grouped, by what failed.", ["step"]
)
GROUPING_SECONDS = Histogram(
    "luminalog_grouping_seconds",
    "What errors cost a claim of batches that has any: to look for them and tell them apart, to resolve, to count.",
    ["step"],
    buckets=(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5),
)
