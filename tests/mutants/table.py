"""The deliberate breaks, and what of the suite must notice each, in which words."""

import re
from dataclasses import dataclass
from pathlib import Path

PATCHES = Path(__file__).parent


@dataclass(frozen=True, kw_only=True)
class Check:
    """A part of the suite: how to run it, and what it says when it fails for the right reason."""

    name: str
    module: str  # `python -m MODULE NAME` runs it
    mark: str  # what a line begins with that says why it failed
    reason: str

    def complaint(self, output: str) -> str | None:
        """Return the line that names the right reason, if there is one."""
        found = re.search(rf"^{re.escape(self.mark)}\s*(?P<why>.*(?:{self.reason}).*)$", output, re.MULTILINE)
        return found["why"] if found else None


def chaos(scenario: str, *, reason: str) -> Check:
    """Return a scenario of `make chaos`; its breaches say why it failed."""
    return Check(name=scenario, module="tests.chaos", mark="!", reason=reason)


def test(node: str, *, reason: str) -> Check:
    """Return an ordinary test; pytest's lines of errors say why it failed."""
    return Check(name=f"tests/{node}", module="pytest", mark="E  ", reason=reason)


@dataclass(frozen=True, kw_only=True)
class Mutant:
    """A break: a patch, named as the file is, and the check that must fail with it."""

    name: str
    check: Check

    @property
    def patch(self) -> Path:
        return PATCHES / f"{self.name}.patch"


LOST = r"answered 200, stored 0 of \d+ entries"
BREAKS: dict[str, Check] = {
    "01-answer-before-commit": chaos("commits_are_cut", reason=LOST),
    "02-delete-after-commit": chaos("points_kill", reason=r"left over not within|the spool is not empty"),
    "03-copy-and-delete-apart": chaos("points_kill", reason=LOST),
    "04-quota-read-then-written": test(
        "integration/test_ledger.py::test_parallel_charges_at_the_edge_never_exceed_the_quota",
        reason=r"assert \d+ == 10",
    ),
    "05-accept-not-flushed": test(
        "integration/test_outages.py::test_every_accepted_request_syncs_the_log", reason=r"not within .* 20 flushes"
    ),
    "06-no-sweep": chaos("nudges_are_lost", reason=r"the oldest batch has waited for"),
    "07-level-written-before-the-next-is-checked": test(
        "integration/test_buckets.py::test_a_refused_call_changes_no_level", reason=r"assert \[b?'"
    ),
    "08-search-without-the-organisation": test(
        "integration/test_wall.py::test_with_the_wall_down_the_filter_shows_no_stranger", reason=r"assert not True"
    ),
    "09-nul-not-repaired": test(
        "unit/test_wire.py::test_nul_and_lone_surrogates_become_replacement_characters", reason=r"assert '\\x00"
    ),
    "10-nudge-in-the-request": test(
        "acceptance/test_outages.py::test_halted_valkey_refuses_nothing_and_delays_little",
        reason=r"Timeout|assert 500 == 200|assert \d+\.\d+ < ",
    ),
    "11-bury-on-any-error": test(
        "integration/test_failures.py::test_no_batch_is_buried_for_a_fault_of_the_store", reason=r"assert \d+ == 0"
    ),
    "12-page-by-entries-only": test(
        "contract/test_reading.py::test_page_of_large_entries_ends_by_their_bytes", reason=r"assert \d+ <= 5"
    ),
    "13-answer-before-the-group-is-flushed": test(
        "integration/test_group_commit.py::test_lost_answer_to_the_commit_of_a_group_is_looked_up_once",
        reason=r"assert \[\] == \[20\]",
    ),
    "14-one-refusal-refuses-the-group": test(
        "integration/test_group_commit.py::test_spent_quota_refuses_what_it_would_have_refused_alone",
        reason=r"assert \('NoneType', .*exhausted'\)",
    ),
    "15-view-asks-the-buckets-again": test(
        "integration/test_express.py::test_lane_and_view_say_keep_charge_and_count_the_same",
        reason=r"assert \(429, \d+\) == \(429",
    ),
    "16-rollup-after-the-commit": test(
        "integration/test_rollups.py::test_worker_that_dies_beside_its_commit_has_counted_what_it_has_stored",
        reason=r"assert 0 == 1",
    ),
    "17-erased-outside-the-tally": test(
        "integration/test_erasing.py::test_erased_value_is_in_no_dump_and_the_ledger_is_provable",
        reason=r"Breach\(check='receipt'",
    ),
    "18-erasure-does-not-wait": test(
        "integration/test_erasing.py::test_erased_value_is_in_no_dump_and_the_ledger_is_provable",
        reason=r"assert \('done'",
    ),
    "19-errors-counted-after-the-commit": test(
        "integration/test_error_groups.py::test_worker_that_dies_beside_its_commit_has_counted_what_it_has_stored",
        reason=r"assert 0 == 1",
    ),
    "20-model-asked-where-it-may-not": test(
        "integration/test_model.py::test_no_byte_leaves_unless_everybody_wants_it",
        reason=r"assert 'does not allow questions' in",
    ),
    "21-allowance-charged-apart": test(
        "integration/test_public_keys.py::test_month_that_is_spent_leaves_the_day_as_it_was", reason=r"assert not True"
    ),
    "22-message-sent-by-two": test(
        "integration/test_channels.py::test_two_workers_send_a_message_once_and_keep_nobody_waiting",
        reason=r"assert 1 == 0",
    ),
    "23-deferred-batch-claimed-early": test(
        "integration/test_overflow.py::test_all_rows_of_a_large_request_wait_together", reason=r"assert 2 == 0"
    ),
    "24-deferred-batch-not-charged": test(
        "integration/test_overflow.py::test_beyond_its_limit_a_key_with_the_lane_is_answered_200_charged_and_stored_later",
        reason=r"assert \d+ == \(11 \* \d+\)",
    ),
    "25-written-without-a-token": test(
        "contract/test_relay.py::test_six_at_once_with_one_token_store_once_and_without_do_not",
        reason=r"assert \(\d+, 500\) == \(500, 500\)",
    ),
    "26-forgotten-unverified": test(
        "contract/test_relay.py::test_what_a_store_loses_is_missed_before_the_spool_forgets", reason=r"assert 1 == 0"
    ),
    "27-edge-forgets-unanswered": test(
        "integration/test_edge_forwarding.py::test_without_a_good_answer_everything_stays_and_is_sent_again_by_a_higher_number",
        reason=r"DID NOT RAISE",
    ),
    "28-edge-batch-kept-again": test(
        "integration/test_edges_core.py::test_the_same_batches_in_requests_at_the_same_moment_are_kept_once",
        reason=r"assert 240 == 30",
    ),
    "29-late-request-of-an-edge-taken": test(
        "integration/test_edges_core.py::test_what_was_forgotten_at_the_edge_is_forgotten_here_and_no_late_request_brings_it_back",
        reason=r"assert 200 == 409",
    ),
    "30-alert-told-after-the-commit": test(
        "integration/test_alerts.py"
        "::test_ten_thousand_events_are_one_incident_and_one_message_wherever_the_evaluator_ends",
        reason=r"assert 0 == 1",
    ),
    "31-retention-does-not-wait-for-the-archive": test(
        "contract/test_archive.py::test_day_is_archived_dropped_loaded_and_ends",
        reason=r"assert \[\] == \[",
    ),
    "32-what-was-loaded-counts-as-usage": test(
        "contract/test_archive.py::test_day_is_archived_dropped_loaded_and_ends",
        reason=r"check='usage'",
    ),
    "33-archived-although-it-changed": test(
        "contract/test_archive.py::test_day_that_changes_while_it_is_written_is_written_again",
        reason=r"assert True is False",
    ),
    "34-refused-messages-forgotten": test(
        "integration/test_syslog.py::test_without_room_tcp_waits_and_udp_is_counted",
        reason=r"not within",
    ),
    "35-lent-tokens-given-out-again": test(
        "integration/test_shares.py::test_a_thousand_random_steps_of_the_scripts_come_to_what_the_definition_says",
        reason=r"step \d+",
    ),
    "36-moved-day-shown-in-part": test(
        "contract/test_moving.py::test_entries_are_found_once_while_they_move_and_others_arrive", reason=r"assert \["
    ),
    "37-claims-without-end": test(
        "contract/test_relay.py::test_claims_that_wait_keep_new_ones_from_being_made", reason=r"assert 5 == 3"
    ),
    "38-everything-of-who-is-back-goes": test(
        "contract/test_ending.py::test_it_begins_once_nobody_sends_any_more", reason=r"assert '' == 'NotSuspended'"
    ),
}
MUTANTS = [Mutant(name=name, check=check) for name, check in BREAKS.items()]
