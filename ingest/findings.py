"""How what was found in entries is counted: for operators, and for their organisation by the names of its usage."""

from ingest.metrics import SCRUBBED_ENTRIES
from privacy.replacements import OWN
from privacy.scrubbing import WITHHELD as UNSCRUBBED
from privacy.scrubbing import Findings
from quotas.tally import REPORTED, SCRUBBED, WITHHELD


def found_in(findings: Findings) -> dict[str, int]:
    """Count `findings` for operators, and return entries by outcome: see `HourlyUsage`."""
    outcomes: dict[str, int] = {}
    for action, found in (("changed", findings.changed), ("reported", findings.reported)):
        for detector, entries in found.items():
            SCRUBBED_ENTRIES.labels("own" if detector.startswith(OWN) else detector, action).inc(entries)
            outcomes[_outcome(detector, action)] = entries
    return outcomes


def _outcome(detector: str, action: str) -> str:
    if detector == UNSCRUBBED:
        return WITHHELD
    return (SCRUBBED if action == "changed" else REPORTED) + detector
