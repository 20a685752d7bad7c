"""What became of the scenarios of a run, and how it is told."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tests.chaos.invariants import Stored
from tests.chaos.journal import JournalledBatch
from tests.chaos.trial import Scenario


@dataclass(kw_only=True)
class Outcome:
    """What became of a scenario."""

    scenario: Scenario
    seconds: float = 0.0
    happened: Counter[str] = field(default_factory=Counter)
    answers: Counter[str] = field(default_factory=Counter)
    retries: int = 0
    replays: int = 0
    entries: int = 0
    kept_in_doubt: int = 0
    breaches: list[str] = field(default_factory=list)
    skipped: str = ""

    def count(self, batches: Mapping[str, JournalledBatch], stored: Stored) -> None:
        """Count what clients were told, and what is stored of it."""
        self.entries = stored.entries
        for batch in batches.values():
            self.retries += max(0, batch.attempts - 1)
            self.kept_in_doubt += batch.is_in_doubt and (batch.organisation_id, batch.name) in stored.digests
            for answer in batch.answers:
                self.replays += answer.is_replay
                self.answers[str(answer.status or "none")] += 1

    @property
    def verdict(self) -> str:
        return "skipped" if self.skipped else "failed" if self.breaches else "passed"


VERDICTS = ("passed", "failed", "skipped")


def by_verdict(outcomes: Sequence[Outcome]) -> str:
    """Name the scenarios that passed, failed and were skipped, a line each; nothing of what there is none."""
    names = {verdict: [one.scenario.name for one in outcomes if one.verdict == verdict] for verdict in VERDICTS}
    return "\n".join(f"{verdict} {len(some)}: {', '.join(some)}" for verdict, some in names.items() if some)


def total(outcomes: Sequence[Outcome]) -> str:
    """Tell how much was broken and sent in all."""
    answers = sum((outcome.answers for outcome in outcomes), Counter[str]())
    faults = sum(outcome.happened.total() for outcome in outcomes)
    return (
        f"in all: {faults} faults; {answers.total()} requests, of which {answers['200']} answered 200;"
        f" {sum(outcome.entries for outcome in outcomes)} entries stored"
    )


def line(outcome: Outcome) -> str:
    """Tell all of one scenario."""
    if outcome.skipped:
        return f"SKIPPED {outcome.scenario.name}: {outcome.skipped}"
    verdict = "ok    " if not outcome.breaches else "BROKEN"
    answers = ", ".join(f"{count} × {status}" for status, count in sorted(outcome.answers.items()))
    lines = [
        f"{verdict} {outcome.scenario.name} ({outcome.seconds:.0f} s): {outcome.scenario.summary}",
        f"         answers {answers}; {outcome.entries} entries stored; {outcome.retries} repeats,"
        f" {outcome.replays} of them replayed; {outcome.kept_in_doubt} batches kept though in doubt",
        *(f"         {times:>3} × {fault}" for fault, times in sorted(outcome.happened.items())),
        *(f"         ! {breach}" for breach in outcome.breaches),
    ]
    return "\n".join(lines)
