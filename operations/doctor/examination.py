"""The whole examination, in the order in which one would look."""

from collections.abc import Iterator

from operations.doctor import archive, configuration, log_store, model, pipeline, postgresql, processes, valkey
from operations.doctor.finding import Finding


def examine() -> Iterator[Finding]:
    """Yield every finding; takes seconds at most, whatever does not answer."""
    for part in (configuration, postgresql, log_store, valkey, processes, pipeline, archive, model):
        yield from part.examine()
