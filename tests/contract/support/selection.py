"""Which tests of the contract `make test` runs on which site; `make test-all` runs every pair.

All of it runs where a runtime without a broker meets SQLite and where one with a broker meets PostgreSQL.  A site
beside those two differs from them in what its entry says, and runs what that can spoil: the rest goes through the same
code, in the worker or below it, as on one of the two.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pytest

IN_FULL = ("local-sqlite", "celery-redis-postgres")


@dataclass(frozen=True)
class Chosen:
    """The tests of a site, and why no others."""

    reason: str
    tests: frozenset[str]


_RINGS = (
    "test_a_job_is_stored_whether_or_not_anybody_hears_the_ring",
    "test_jobs_outlive_the_loss_of_every_ring",
)
_CLAIMS = (*_RINGS, "test_of_a_thousand_jobs_none_is_run_twice_by_four_workers")
_ORDER = (
    "test_the_larger_priority_is_sooner_and_then_the_older_job",
    "test_a_job_starts_when_it_falls_due_to_within_a_sweep",
)
_OUTAGES = (
    "test_an_outage_of_the_store_runs_nothing_again_and_loses_nothing",
    "test_an_outage_of_the_store_fires_no_slot_twice_and_then_the_last_that_was_missed",
    "test_a_store_that_is_away_shows_in_the_health_and_is_no_reason_for_a_restart",
)
_STORM = "test_under_workers_that_are_killed_every_second_each_job_has_one_end"
_TOLD_TO_END = "test_a_worker_that_is_told_to_end_lets_its_job_end_or_hands_it_back_uncounted"
_ELSEWHERE = "test_a_worker_claims_only_what_it_can_load"
_IN_A_COMMAND = "test_a_worker_inside_a_command_claims_what_that_command_submitted_and_its_descendants"

CHOSEN = {
    # Its runtime is that of local-sqlite and its store that of celery-redis-postgres.  What is neither's: idle workers
    # that claim from PostgreSQL with no broker between them, and lose it while nothing else keeps them busy.
    "local-postgres": Chosen(
        "on local-postgres: the runtime of local-sqlite on the store of celery-redis-postgres",
        frozenset(
            {
                *_CLAIMS,
                *_OUTAGES,
                "test_a_run_that_wakes_after_its_successor_has_ended_leaves_nothing",
                "test_the_death_of_a_worker_is_known_on_its_machine_without_waiting_for_a_lease",
                "test_parents_that_a_sweep_and_a_cancel_end_at_once_leave_nothing_waiting",
                "test_eight_processes_that_submit_one_key_at_once_make_one_job",
                "test_a_session_that_is_held_too_long_is_rolled_back_with_an_error",
                _IN_A_COMMAND,
                _STORM,
            }
        ),
    ),
    # Its rings are Dramatiq's, and the owner of its jobs is a process that Dramatiq has forked, with its signals and
    # threads: what hangs on rings, on who holds the lease and on how a worker ends.  Kills of it are in `tests/chaos`.
    "dramatiq-redis-postgres": Chosen(
        "on dramatiq-redis-postgres: differs from celery-redis-postgres in its rings and in the process of its worker",
        frozenset(
            {
                *_CLAIMS,
                *_ORDER,
                *_OUTAGES,
                "test_a_claim_number_is_never_used_again",
                # Below a process that Dramatiq has forked.
                "test_each_job_has_a_process_of_its_own_that_goes_with_it",
                "test_threads_of_libraries_follow_from_cores_and_slots",
                "test_the_warm_server_is_a_single_threaded_program_of_our_own",
                "test_programs_that_a_job_starts_have_no_line_to_its_worker",
                "test_a_job_sees_the_device_of_its_slot_and_one_without_a_gpu_slot_sees_none",
                "test_when_memory_runs_out_the_job_goes_before_its_owner",
                # In it.
                "test_an_inline_job_runs_in_its_owner",
                "test_an_inline_job_stops_where_it_asks_whether_it_should",
                "test_a_running_job_is_asked_first_by_what_no_library_swallows",
                # Without it.
                "test_a_job_dies_whole_with_its_owner_and_begins_again_in_time",
                "test_the_death_of_a_worker_is_known_on_its_machine_without_waiting_for_a_lease",
                "test_a_job_that_was_to_be_cancelled_is_not_run_again_when_its_owner_is_lost",
                "test_a_run_that_wakes_after_its_successor_has_ended_leaves_nothing",
                "test_a_run_that_goes_on_while_its_owner_sleeps_has_its_rows_refused",
                "test_the_device_of_a_killed_worker_is_free_once_nothing_is_left_of_its_job",
                _TOLD_TO_END,
                # Who is to hear of a job: another worker, a job of its own, nobody here.
                "test_a_coordinator_holds_no_slot_that_its_children_need",
                "test_info_is_what_the_task_has_reported_last_in_each_state",
                "test_a_worker_whose_home_lacks_the_id_of_the_store_refuses_to_start",
                "test_the_numbers_are_those_of_what_was_run",
                _ELSEWHERE,
                _IN_A_COMMAND,
            }
        ),
    ),
}

_RABBIT = frozenset(
    {
        *_RINGS,
        *_ORDER,
        "test_a_queued_job_is_cancelled_at_once",
        "test_a_job_that_waits_for_its_next_attempt_is_cancelled_at_once",
        "test_declared_exceptions_are_retried_with_growing_pauses",
        "test_a_job_dies_whole_with_its_owner_and_begins_again_in_time",
        _TOLD_TO_END,
        _ELSEWHERE,
    }
)
# What a broker can spoil: which jobs are rung for and when, and what a worker that ends leaves in it.
CHOSEN |= {
    f"{runtime}-rabbitmq-postgres": Chosen(
        f"on {runtime}-rabbitmq-postgres: differs from {runtime}-redis-postgres in its rings alone", _RABBIT
    )
    for runtime in ("celery", "dramatiq")
}
# Found by its entry point and judged as ours are; what it is judged by are those that hang on rings.
CHOSEN["notify-postgres"] = Chosen(
    "on the example of a third party's runtime: differs from local-postgres in its rings",
    frozenset({*_RINGS, *_ORDER}),
)


LONG = {
    "test_under_workers_that_are_killed_every_second_each_job_has_one_end": "kills a worker every second, nine times",
    "test_of_a_thousand_jobs_none_is_run_twice_by_four_workers": "a hundred of its thousand jobs have a process each",
    "test_each_slot_makes_one_job_while_workers_are_killed": "kills three of its workers, and waits for the next",
    "test_each_slot_makes_one_job_whatever_the_number_of_workers": "eight slots of a second each",
    "test_of_missed_slots_only_the_last_fires": "slots have to be missed, and then to come",
    "test_an_outage_of_the_store_fires_no_slot_twice_and_then_the_last_that_was_missed": "an outage outlasts a lease",
    "test_an_outage_of_the_store_runs_nothing_again_and_loses_nothing": "an outage outlasts three leases",
    "test_an_outage_of_another_kind_runs_nothing_again_and_loses_nothing": "an outage outlasts three leases",
    "test_a_store_that_is_away_shows_in_the_health_and_is_no_reason_for_a_restart": "an outage outlasts a lease",
    "test_a_store_that_hangs_holds_no_scrape_up_and_leaves_out_what_nobody_knows": "a reading grows too old",
    "test_a_nights_sleep_of_the_machine_runs_nothing_again": "a machine sleeps for more than two leases",
    "test_a_task_that_holds_the_gil_for_three_leases_is_not_run_again": "three leases go by",
    "test_a_job_that_holds_the_gil_for_longer_than_a_lease_keeps_nobody_from_being_well": "a long lease goes by",
    "test_a_run_that_wakes_after_its_successor_has_ended_leaves_nothing": "a lease lapses",
    "test_a_run_that_goes_on_while_its_owner_sleeps_has_its_rows_refused": "a lease lapses",
    "test_a_job_dies_whole_with_its_owner_and_begins_again_in_time": "a lease lapses, and two workers start",
    "test_the_death_of_a_worker_is_known_on_its_machine_without_waiting_for_a_lease": "starts two workers, kills one",
    "test_the_loss_of_a_worker_shows_in_the_numbers_of_another": "a lease lapses",
    "test_a_worker_that_is_told_to_end_lets_its_job_end_or_hands_it_back_uncounted": "three workers start and end",
    "test_parents_that_a_sweep_and_a_cancel_end_at_once_leave_nothing_waiting": "200 cancels about a lapsed lease",
    "test_of_a_graph_of_500_jobs_whose_parents_end_at_once_each_runs_once": "500 jobs, and some are lost three times",
    "test_a_session_that_is_held_too_long_is_rolled_back_with_an_error": "holds a session for ten seconds",
    "test_of_workers_that_write_all_the_time_none_is_told_of_a_lock": "eight rounds of a second of writing",
    "test_the_device_of_a_killed_worker_is_free_once_nothing_is_left_of_its_job": "a job outlives its worker",
    "test_workers_with_the_same_devices_never_have_two_jobs_on_one": "eight jobs with a process each, two workers",
    "test_a_job_sees_the_packages_that_are_installed_when_it_begins": "two warm servers start, one after an install",
    "test_nothing_is_forked_from_a_server_that_has_initialised_cuda": "an interpreter for a job, and a worker start",
    "test_a_worker_claims_only_what_it_can_load": "a second worker starts",
    "test_a_worker_inside_a_command_claims_what_that_command_submitted_and_its_descendants": "starts a command",
    "test_a_running_job_hears_that_it_is_to_stop_however_early_it_is_asked": "thirty jobs with a process each",
    "test_each_library_uses_its_share_of_the_cores": "imports PyTorch and scikit-learn in a warm server",
    "test_a_data_loader_with_workers_works_in_a_job": "imports PyTorch in a warm server",
    "test_a_cancel_inside_a_grid_search_is_soft_and_prompt": "imports scikit-learn in a warm server",
    "test_the_numbers_are_those_of_what_was_run": "a worker starts, and a reading of the store grows old",
    "test_the_third_loss_is_the_last": "pauses grow between the losses",
}
"""Why tests of this folder and of the suite take more than five seconds where a machine is busy."""

FIRST = frozenset({_STORM})
"""Those that take about a minute."""


def params_of(item: pytest.Item) -> dict[str, Any]:
    """The parameters of a test, with those of its fixtures."""
    return dict(item.callspec.params) if isinstance(item, pytest.Function) and hasattr(item, "callspec") else {}


def choose(items: Iterable[pytest.Item]) -> None:
    """Mark what `make test` leaves out, and say why some of the others take long."""
    for item in items:
        name = getattr(item, "originalname", item.name)
        chosen = CHOSEN.get(params_of(item).get("contract_sites", ""))
        if chosen and name not in chosen.tests:
            item.add_marker(pytest.mark.elsewhere(chosen.reason))
        if name in LONG:
            item.add_marker(pytest.mark.slow(LONG[name], first=name in FIRST))
