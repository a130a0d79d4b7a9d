"""Schedules: making and changing them, and that each slot is settled once, whatever is in its way."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from core.tests.support.crowd import at_once
from core.tests.support.stores import as_environment
from core.tests.support.waiting import until
from pfd import (
    Dispatcher,
    Job,
    JobSubmission,
    ParameterError,
    Ref,
    Schedule,
    ScheduleSlot,
    Settings,
    SlotOutcome,
    State,
    StoreError,
    UnknownSchedule,
    UnknownTask,
    Worker,
    hookimpl,
)
from pfd.app import App
from pfd.notify import Wakeup
from pfd.plugins import Registry
from pfd.schedules import slots
from pfd.schedules import table as stored
from pfd.schedules.cron import Cron
from pfd.schedules.scheduler import LATE, Scheduler
from pfd.schedules.slots import KEPT
from pfd.store import Store
from pfd.store.engine import is_sqlite
from pfd.store.schema import jobs as job_table
from pfd.store.schema import schedule_slots, schedules

DAY = 86400
NIGHTLY, SELDOM = "30 2 * * *", "0 0 29 2 *"
DAILY = time.strftime("%M %H * * *", time.gmtime(time.time() - DAY / 4))
"""Once a day, some hours ago: no test meets its next slot."""


@pytest.fixture
def dispatcher(settings: Settings, registry: Registry, store: Store) -> Iterator[Dispatcher]:
    with Dispatcher(settings, registry=registry) as opened:
        yield opened


class Clockwork:
    """A scheduler as a worker has one, turned by hand; `wakeups` is what it told workers of."""

    name = "by hand"

    def __init__(self, dispatcher: Dispatcher, registry: Registry | None = None, lease: float = 600.0) -> None:
        self.wakeups: list[Wakeup] = []
        settings = dispatcher.settings.model_copy(update={"lease": lease})
        registry = registry or dispatcher.plugins
        self._scheduler = Scheduler(App(settings, registry, dispatcher.store, self))

    def notify(self, wakeup: Wakeup) -> None:
        self.wakeups.append(wakeup)

    def tick(self) -> None:
        self._scheduler.tick()


@pytest.fixture
def clockwork(dispatcher: Dispatcher) -> Clockwork:
    return Clockwork(dispatcher)


def set_back(dispatcher: Dispatcher, name: str, seconds: float) -> None:
    """Have nothing of a schedule be settled for so many seconds, as where no worker was there."""
    schedule = dispatcher.find_schedule(name)
    with dispatcher.store.write() as connection:
        since = int(stored.clock(connection) - seconds)
        values = {"settled_until": since, "next_at": Cron(schedule.cron, schedule.zone).next(since)}
        connection.execute(schedules.update().where(schedules.c.name == name).values(values))


def due(dispatcher: Dispatcher, name: str = "one", **given: Any) -> Schedule:
    """A schedule with one slot that is due for some hours."""
    made = dispatcher.schedule(**{"name": name, "cron": DAILY, "task": "add", "params": {"a": 1}, **given})
    set_back(dispatcher, name, DAY / 2)
    return made


def turn_at_next(dispatcher: Dispatcher, clockwork: Clockwork, name: str = "one") -> None:
    """Turn once the next slot is due, and see that it is settled by that."""
    slot = dispatcher.find_schedule(name).next_at
    assert slot is not None
    until(lambda: time.time() > slot)
    clockwork.tick()
    assert last(dispatcher, name).at >= slot


def jobs_of(dispatcher: Dispatcher, name: str = "one") -> list[Job]:
    return dispatcher.jobs(tag=f"schedule:{name}")


def last(dispatcher: Dispatcher, name: str = "one") -> ScheduleSlot:
    return dispatcher.schedule_slots(name)[0]


def end(dispatcher: Dispatcher, job_id: str) -> None:
    with dispatcher.store.write() as connection:
        values = {"state": State.SUCCESS, "ended_at": time.time() - 40 * DAY}
        connection.execute(job_table.update().where(job_table.c.id == job_id).values(values))


def without(registry: Registry, task: str) -> Registry:
    return Registry(registry.records, {name: one for name, one in registry.tasks.items() if name != task})


def test_a_job_whose_row_cannot_be_made_misses_its_slot_and_keeps_no_other_from_firing(
    dispatcher: Dispatcher, clockwork: Clockwork
) -> None:
    due(dispatcher, "wrong", task="fit", params={"fit_id": 99})
    for number, method in enumerate(("a bug", "an odd statement", "a job that is not there", "an error of pfd")):
        due(dispatcher, f"wrong-{number}", task="fit", params={"method": method})
    due(dispatcher, "right", task="fit", params={})
    clockwork.tick()
    slot = last(dispatcher, "wrong")
    assert (slot.outcome, slot.reason) == (SlotOutcome.MISSED, "there is no fit 99")
    assert {last(dispatcher, f"wrong-{number}").outcome for number in range(4)} == {SlotOutcome.MISSED}
    assert last(dispatcher, "right").outcome is SlotOutcome.FIRED
    assert [job.task for job in dispatcher.jobs()] == ["fit"]


# -- making and changing ------------------------------------------------------------------------------------------


def test_a_schedule_is_read_as_it_was_made(dispatcher: Dispatcher) -> None:
    made = dispatcher.schedule(
        "nightly",
        " 30  2 * * * ",
        "add",
        {"a": 1},
        zone="Europe/Berlin",
        overlap="allow",
        catch_up=False,
        priority=5,
        queue="slow",
        tags="night",
        key="n",
        soft_time_limit=1,
        time_limit=4,
    )
    assert dispatcher.find_schedule("nightly") == made
    assert dispatcher.schedules() == [made]
    assert (made.name, made.cron, made.zone, made.task, made.params) == (
        "nightly",
        NIGHTLY,
        "Europe/Berlin",
        "add",
        {"a": 1},
    )
    assert (made.overlap, made.catch_up, made.enabled, made.last) == ("allow", False, True, None)
    assert made.options == {
        "key": "n",
        "priority": 5,
        "queue": "slow",
        "soft_time_limit": 1.0,
        "tags": ["night"],
        "time_limit": 4.0,
    }
    assert made.next_at == Cron(NIGHTLY, "Europe/Berlin").next(made.created_at)
    assert made.upcoming(2)[0] == made.next_at
    assert made.upcoming(2)[1] - made.upcoming(2)[0] in (DAY - 3600, DAY, DAY + 3600)
    assert dispatcher.jobs() == []


def test_making_it_again_changes_nothing(dispatcher: Dispatcher) -> None:
    made = due(dispatcher, tags=("b", "a"))
    before = dispatcher.find_schedule("one")
    assert dispatcher.schedule("one", DAILY, "add", {"a": 1}, tags=["a", "b"]) == before
    assert before.changed_at == made.changed_at


def test_other_parameters_are_those_of_the_slot_that_is_due(dispatcher: Dispatcher, clockwork: Clockwork) -> None:
    due(dispatcher)
    changed = dispatcher.schedule("one", DAILY, "add", {"a": 2})
    assert changed.changed_at > changed.created_at
    clockwork.tick()
    [job] = jobs_of(dispatcher)
    assert dispatcher.job(job.id).params == {"a": 2, "b": 1}


@pytest.mark.parametrize("change", [{"cron": SELDOM}, {"zone": "Asia/Kathmandu"}])
def test_another_time_counts_from_when_it_was_chosen(
    dispatcher: Dispatcher, clockwork: Clockwork, change: dict[str, str]
) -> None:
    due(dispatcher)
    wanted: dict[str, Any] = {"name": "one", "cron": DAILY, "task": "add", "params": {"a": 1}}
    changed = dispatcher.schedule(**wanted | change)
    assert changed.next_at is not None
    assert changed.next_at > changed.changed_at
    clockwork.tick()
    assert jobs_of(dispatcher) == []


def test_eight_processes_may_make_one_schedule_at_once(dispatcher: Dispatcher) -> None:
    prepare = f"""
        from pfd import Dispatcher
        d = Dispatcher()
        d.tasks

        def work():
            return d.schedule("one", {DAILY!r}, "add", {{"a": 1}}).name
    """
    assert at_once(8, prepare, as_environment(dispatcher.settings)) == ["one"] * 8
    assert [one.name for one in dispatcher.schedules()] == ["one"]


def test_all_that_is_wrong_is_said_at_once_and_nothing_is_stored(dispatcher: Dispatcher) -> None:
    wrong: dict[str, Any] = {"zone": "Nowhere", "overlap": "no", "catch_up": 1, "countdown": 3.0, "time_limit": -1.0}
    with pytest.raises(ParameterError) as refused:
        dispatcher.schedule("my schedule", "* *", "add", {"a": -1, "c": 3}, **wrong)
    problems = refused.value.problems
    said = ("name='my", "overlap=", "catch_up=", "countdown", "cron=", "zone=", "time_limit=", "a=-1", "c: is no")
    assert [
        next((word for word in said if problem.startswith(word) or word in problem), problem) for problem in problems
    ] == [*said]
    with pytest.raises(UnknownTask) as unknown:
        dispatcher.schedule("one", "* *", "ad", {})
    assert len(unknown.value.problems) == 2
    assert unknown.value.hint == "did you mean add?"
    assert dispatcher.schedules() == []


def test_what_is_wrong_with_parameters_alone_is_said_as_where_a_job_is_submitted(dispatcher: Dispatcher) -> None:
    for params in ({"a": -1}, {}, [1], {"a": 1, "x": 2}):
        with pytest.raises(ParameterError) as submitted:
            dispatcher.submit("add", params)  # type: ignore[arg-type]
        with pytest.raises(ParameterError) as scheduled:
            dispatcher.schedule("one", DAILY, "add", params)  # type: ignore[arg-type]
        assert (str(scheduled.value), scheduled.value.problems) == (str(submitted.value), submitted.value.problems)
    assert dispatcher.schedules() == []


def test_a_schedule_cannot_refer_to_the_result_of_a_job(dispatcher: Dispatcher) -> None:
    job = dispatcher.submit("add", {"a": 1})
    with pytest.raises(ParameterError, match="cannot refer to the result"):
        dispatcher.schedule("one", DAILY, "add", {"a": Ref(job.id, "value")})
    assert dispatcher.schedules() == []


@pytest.mark.parametrize("name", ["", "a b", "-a", "a" * 81, "ä", "a\n", None])
def test_a_name_is_one_that_can_be_typed(dispatcher: Dispatcher, name: Any) -> None:
    with pytest.raises(ParameterError, match="name="):
        dispatcher.schedule(name, DAILY, "add", {"a": 1})


def test_a_name_that_there_is_not_comes_with_the_nearest(dispatcher: Dispatcher) -> None:
    dispatcher.schedule("nightly", NIGHTLY, "add", {"a": 1})
    for ask in (
        dispatcher.find_schedule,
        dispatcher.schedule_slots,
        dispatcher.pause_schedule,
        dispatcher.resume_schedule,
        dispatcher.unschedule,
    ):
        with pytest.raises(UnknownSchedule) as refused:
            ask("nightl")
        assert refused.value.hint == "did you mean nightly?"


def test_a_paused_schedule_fires_nothing_and_goes_on_from_when_it_is_resumed(
    dispatcher: Dispatcher, clockwork: Clockwork
) -> None:
    due(dispatcher)
    paused = dispatcher.pause_schedule("one")
    assert (paused.enabled, paused.next_at, paused.upcoming()) == (False, None, [])
    clockwork.tick()
    # Whoever sets it up again, as at each start of a program, does not undo what somebody has decided.
    assert dispatcher.schedule("one", DAILY, "add", {"a": 1}) == paused
    assert dispatcher.schedule("one", SELDOM, "add", {"a": 1}).next_at is None
    resumed = dispatcher.resume_schedule("one")
    assert resumed.enabled
    assert resumed.next_at is not None
    assert resumed.next_at > time.time()
    clockwork.tick()
    assert jobs_of(dispatcher) == []


def test_resuming_one_that_is_not_paused_loses_no_slot(dispatcher: Dispatcher, clockwork: Clockwork) -> None:
    due(dispatcher)
    dispatcher.resume_schedule("one")
    clockwork.tick()
    assert len(jobs_of(dispatcher)) == 1


def test_a_schedule_that_is_removed_leaves_its_jobs(dispatcher: Dispatcher, clockwork: Clockwork) -> None:
    due(dispatcher)
    clockwork.tick()
    dispatcher.unschedule("one")
    assert dispatcher.schedules() == []
    assert [job.state for job in jobs_of(dispatcher)] == [State.PENDING]
    with dispatcher.store.read() as connection:
        assert connection.execute(schedule_slots.select()).all() == []
    # One that is made anew under its name begins now, and knows nothing of it.
    assert dispatcher.schedule("one", DAILY, "add", {"a": 1}).last is None
    clockwork.tick()
    assert len(jobs_of(dispatcher)) == 1


# -- firing -------------------------------------------------------------------------------------------------------


def test_a_slot_that_is_due_becomes_a_job_with_all_that_was_asked_for(
    dispatcher: Dispatcher, clockwork: Clockwork
) -> None:
    made = due(dispatcher, queue="slow", priority=3, tags=("red",), key="k", time_limit=4.0, soft_time_limit=1.0)
    clockwork.tick()
    [light] = jobs_of(dispatcher)
    job = dispatcher.job(light.id)
    assert (job.task, job.params, job.queue, job.priority, job.key) == ("add", {"a": 1, "b": 1}, "slow", 3, "k")
    assert job.tags == ("red", made.tag)
    assert job.options == {"time_limit": 4.0, "soft_time_limit": 1.0}
    assert job.client_id is None
    assert clockwork.wakeups == [Wakeup(job.id, "add", "slow")]
    now = dispatcher.find_schedule("one")
    slot = last(dispatcher)
    assert now.last == slot
    assert (slot.outcome, slot.job_id, slot.job_state, slot.reason, slot.passed_over) == (
        SlotOutcome.FIRED,
        job.id,
        State.PENDING,
        "",
        0,
    )
    assert DAY / 5 < slot.settled_at - slot.at < DAY / 2
    assert now.next_at == slot.at + DAY
    clockwork.tick()
    assert len(jobs_of(dispatcher)) == 1


def test_hooks_see_its_submission_as_any_other(
    dispatcher: Dispatcher, clockwork: Clockwork, registry: Registry
) -> None:
    class Companion:
        @hookimpl
        def pfd_before_submit(self, submission: JobSubmission) -> None:
            submission.headers["word"] = submission.task

    companion = Companion()
    registry.listen("companion", companion)
    try:
        due(dispatcher)
        clockwork.tick()
    finally:
        registry.unlisten(companion)
    [light] = jobs_of(dispatcher)
    assert dispatcher.job(light.id).options == {"carried": {"word": "add"}}


def test_before_its_time_nothing_comes(dispatcher: Dispatcher, clockwork: Clockwork) -> None:
    dispatcher.schedule("one", DAILY, "add", {"a": 1})
    clockwork.tick()
    assert (jobs_of(dispatcher), dispatcher.schedule_slots("one")) == ([], [])


@pytest.mark.parametrize(("missed", "counted"), [(5 * DAY, 4), (10 * 365 * DAY, 1000)])
def test_of_slots_that_were_missed_the_last_fires_and_the_others_are_counted(
    dispatcher: Dispatcher, clockwork: Clockwork, missed: int, counted: int
) -> None:
    dispatcher.schedule("one", DAILY, "add", {"a": 1})
    set_back(dispatcher, "one", missed)
    clockwork.tick()
    assert len(jobs_of(dispatcher)) == 1
    slot = last(dispatcher)
    assert slot.passed_over == counted
    assert DAY / 5 < slot.settled_at - slot.at < DAY / 2
    assert (dispatcher.find_schedule("one").next_at or 0) > slot.settled_at


def test_without_catching_up_a_slot_that_is_late_is_missed_and_says_why(
    dispatcher: Dispatcher, clockwork: Clockwork
) -> None:
    dispatcher.schedule("one", DAILY, "add", {"a": 1}, catch_up=False)
    set_back(dispatcher, "one", 5 * DAY)
    clockwork.tick()
    slot = last(dispatcher)
    assert (slot.outcome, slot.job_id) == (SlotOutcome.MISSED, None)
    assert "does not catch up" in slot.reason
    assert slot.passed_over == 4
    assert jobs_of(dispatcher) == []


def test_without_catching_up_a_slot_that_is_a_little_late_fires(dispatcher: Dispatcher, clockwork: Clockwork) -> None:
    dispatcher.schedule("one", "* * * * * *", "add", {"a": 1}, catch_up=False)
    set_back(dispatcher, "one", LATE / 2)
    clockwork.tick()
    assert last(dispatcher).outcome is SlotOutcome.FIRED
    assert len(jobs_of(dispatcher)) == 1


def test_a_slot_is_left_out_while_the_job_of_an_earlier_one_has_not_ended(
    dispatcher: Dispatcher, clockwork: Clockwork
) -> None:
    dispatcher.schedule("one", "* * * * * *", "add", {"a": 1})
    turn_at_next(dispatcher, clockwork)
    [job] = jobs_of(dispatcher)
    for _ in range(2):
        turn_at_next(dispatcher, clockwork)
        reason = f"job {job.id[:8]} of an earlier slot has not ended"
        assert (last(dispatcher).outcome, last(dispatcher).reason) == (SlotOutcome.SKIPPED, reason)
    assert len(jobs_of(dispatcher)) == 1
    end(dispatcher, job.id)
    turn_at_next(dispatcher, clockwork)
    assert last(dispatcher).outcome is SlotOutcome.FIRED
    assert len(jobs_of(dispatcher)) == 2


def test_slots_may_overlap_where_that_is_allowed(dispatcher: Dispatcher, clockwork: Clockwork) -> None:
    dispatcher.schedule("one", "* * * * * *", "add", {"a": 1}, overlap="allow")
    for number in (1, 2):
        turn_at_next(dispatcher, clockwork)
        assert [job.state for job in jobs_of(dispatcher)] == [State.PENDING] * number


def test_a_live_job_of_the_same_key_stands_for_that_of_the_slot(dispatcher: Dispatcher, clockwork: Clockwork) -> None:
    other = dispatcher.submit("add", {"a": 1}, key="k")
    due(dispatcher, key="k")
    clockwork.tick()
    assert (last(dispatcher).outcome, last(dispatcher).job_id) == (SlotOutcome.SKIPPED, None)
    assert other.id[:8] in last(dispatcher).reason
    due(dispatcher, "two", key="k", params={"a": 2})
    clockwork.tick()
    assert last(dispatcher, "two").outcome is SlotOutcome.SKIPPED
    assert "key 'k' is in use" in last(dispatcher, "two").reason
    assert [job.id for job in dispatcher.jobs()] == [other.id]


def test_parameters_that_were_not_given_follow_the_task(dispatcher: Dispatcher, registry: Registry) -> None:
    from pydantic import create_model

    due(dispatcher)
    task = registry.tasks["add"]
    newer = replace(task, params=create_model("Newer", __base__=task.params, b=(int, 40)))
    Clockwork(dispatcher, Registry(registry.records, {"add": newer})).tick()
    assert dispatcher.job(jobs_of(dispatcher)[0].id).params == {"a": 1, "b": 40}


def test_a_path_that_was_allowed_where_the_schedule_was_made_is_allowed_where_it_fires(
    dispatcher: Dispatcher, clockwork: Clockwork, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in ("here", "there"):
        (tmp_path / folder).mkdir()
    monkeypatch.chdir(tmp_path / "here")
    due(dispatcher, task="read_path", params={"path": "file"})
    monkeypatch.chdir(tmp_path / "there")
    clockwork.tick()
    [job] = jobs_of(dispatcher)
    assert dispatcher.job(job.id).params == {"path": str(tmp_path / "here" / "file")}
    assert dispatcher.job(job.id).options["roots"] == [str(tmp_path / "here")]


# -- what cannot be fired -----------------------------------------------------------------------------------------


def test_a_slot_whose_task_is_missing_is_left_to_others_and_then_missed(
    dispatcher: Dispatcher, registry: Registry
) -> None:
    due(dispatcher)
    due(dispatcher, "another", task="nap", params={})
    poor = Clockwork(dispatcher, without(registry, "add"), lease=0.2)
    poor.tick()
    assert dispatcher.schedule_slots("one") == []
    assert last(dispatcher, "another").outcome is SlotOutcome.FIRED
    time.sleep(0.5)
    poor.tick()
    slot = last(dispatcher)
    assert (slot.outcome, slot.reason, slot.job_id) == (SlotOutcome.MISSED, "unknown task 'add'", None)
    assert dispatcher.find_schedule("one").next_at == slot.at + DAY
    assert jobs_of(dispatcher) == []


def test_a_worker_that_knows_the_task_fires_what_another_cannot(dispatcher: Dispatcher, registry: Registry) -> None:
    due(dispatcher)
    Clockwork(dispatcher, without(registry, "add")).tick()
    Clockwork(dispatcher).tick()
    assert last(dispatcher).outcome is SlotOutcome.FIRED


@pytest.mark.parametrize("raises", [False, True])
def test_a_slot_whose_parameters_are_valid_no_more_is_missed_with_the_reason(
    dispatcher: Dispatcher, registry: Registry, raises: bool
) -> None:
    from pydantic import create_model, field_validator

    def stumble(value: int) -> int:
        raise ZeroDivisionError("this validator is broken")

    due(dispatcher)
    task = registry.tasks["add"]
    validators: dict[str, Any] = {"broken": field_validator("a")(stumble)} if raises else {}
    changed: Any = create_model(
        "Changed", __base__=task.params, __validators__=validators, c=(int, 1 if raises else ...)
    )
    clockwork = Clockwork(dispatcher, Registry(registry.records, {"add": replace(task, params=changed)}), lease=0.01)
    clockwork.tick()
    time.sleep(0.05)
    clockwork.tick()
    assert last(dispatcher).outcome is SlotOutcome.MISSED
    assert last(dispatcher).reason == (
        "add: these parameters cannot be checked: ZeroDivisionError('this validator is broken')"
        if raises
        else "add: c: is required"
    )


def test_a_schedule_of_a_zone_that_is_not_known_here_keeps_no_other_from_firing(dispatcher: Dispatcher) -> None:
    due(dispatcher)
    due(dispatcher, "another")
    with dispatcher.store.write() as connection:
        connection.execute(schedules.update().where(schedules.c.name == "one").values(zone="Mars/Olympus"))
    clockwork = Clockwork(dispatcher, lease=0.2)
    clockwork.tick()
    time.sleep(0.5)
    clockwork.tick()
    for _ in range(100):  # with so short a lease a busy machine leaves all but the first to later turns
        if dispatcher.schedule_slots("another"):
            break
        time.sleep(0.05)
        clockwork.tick()
    assert last(dispatcher, "another").outcome is SlotOutcome.FIRED
    assert (last(dispatcher).outcome, "no such time zone" in last(dispatcher).reason) == (SlotOutcome.MISSED, True)
    assert dispatcher.find_schedule("one").next_at is None
    assert dispatcher.schedule("one", DAILY, "add", {"a": 1}).next_at is not None


def test_where_the_rules_of_a_zone_have_changed_the_next_slot_is_worked_out_anew(
    dispatcher: Dispatcher, clockwork: Clockwork
) -> None:
    made = dispatcher.schedule("one", DAILY, "add", {"a": 1})
    with dispatcher.store.write() as connection:
        connection.execute(schedules.update().values(next_at=int(time.time()) - 5))
    clockwork.tick()
    assert dispatcher.find_schedule("one").next_at == made.next_at
    assert dispatcher.schedule_slots("one") == []


# -- once ---------------------------------------------------------------------------------------------------------

RACE = """
    from pfd import Dispatcher
    from pfd.app import App
    from pfd.schedules.scheduler import Scheduler
    import cronsim
    d = Dispatcher()
    d.tasks
    patient = d.settings.model_copy(update={"lease": 600.0})  # a turn is as long as it takes

    def work():
        Scheduler(App(patient, d.plugins, d.store, d._runtime)).tick()
        return "turned"
"""


def test_of_eight_processes_one_settles_each_slot(dispatcher: Dispatcher) -> None:
    for number in range(20):
        due(dispatcher, f"s{number}")
    assert at_once(8, RACE, as_environment(dispatcher.settings)) == ["turned"] * 8
    for number in range(20):
        [job] = jobs_of(dispatcher, f"s{number}")
        [slot] = dispatcher.schedule_slots(f"s{number}")
        assert slot.job_id == job.id


def test_what_was_read_before_another_has_settled_it_settles_nothing(dispatcher: Dispatcher) -> None:
    due(dispatcher)
    with dispatcher.store.read() as connection:
        [old], now = slots.due(connection)
    Clockwork(dispatcher).tick()
    for slot in (last(dispatcher).at, last(dispatcher).at + DAY):
        with dispatcher.store.write() as connection:
            assert not slots.take(connection, old, slot, int(now) + DAY, 0)
    assert len(dispatcher.schedule_slots("one")) == 1


@pytest.mark.parametrize("change", ["replace", "pause", "remove"])
def test_what_was_read_before_somebody_has_changed_it_settles_nothing(dispatcher: Dispatcher, change: str) -> None:
    due(dispatcher)
    with dispatcher.store.read() as connection:
        [old], now = slots.due(connection)
    if change == "replace":
        dispatcher.schedule("one", DAILY, "add", {"a": 2})
    elif change == "pause":
        dispatcher.pause_schedule("one")
    else:
        dispatcher.unschedule("one")
    with dispatcher.store.write() as connection:
        assert not slots.take(connection, old, int(now), int(now) + DAY, 0)


def test_a_slot_that_stands_there_is_not_fired_whatever_else_the_store_says(
    dispatcher: Dispatcher, clockwork: Clockwork
) -> None:
    due(dispatcher)
    clockwork.tick()
    end(dispatcher, jobs_of(dispatcher)[0].id)
    set_back(dispatcher, "one", DAY / 2)  # as after a restored backup, or a hand in the table
    clockwork.tick()
    assert len(jobs_of(dispatcher)) == 1
    assert (dispatcher.find_schedule("one").next_at or 0) > time.time()


def test_slot_job_and_how_far_it_has_come_are_stored_together_or_not_at_all(
    dispatcher: Dispatcher, clockwork: Clockwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    due(dispatcher)
    before = dispatcher.find_schedule("one")

    def cut_off(*_: object) -> None:
        raise StoreError("the store went away")

    with monkeypatch.context() as patch:
        patch.setattr(slots, "note", cut_off)
        with pytest.raises(StoreError):
            clockwork.tick()
    assert (dispatcher.find_schedule("one"), dispatcher.jobs(), clockwork.wakeups) == (before, [], [])
    clockwork.tick()
    assert len(jobs_of(dispatcher)) == 1


def test_of_old_slots_only_the_newest_are_kept_and_none_fires_again(
    dispatcher: Dispatcher, clockwork: Clockwork
) -> None:
    due(dispatcher, overlap="allow")
    with dispatcher.store.write() as connection:
        row = connection.execute(schedules.select()).one()
        values = {"settled_at": 0.0, "outcome": "skipped", "reason": "", "passed_over": 0}
        old = [{"schedule_seq": row.seq, "slot": row.settled_until - back, **values} for back in range(KEPT + 50)]
        connection.execute(schedule_slots.insert(), old)
    clockwork.tick()
    kept = dispatcher.schedule_slots("one", limit=1000)
    assert len(kept) == KEPT
    assert kept[0].outcome is SlotOutcome.FIRED
    clockwork.tick()
    assert len(jobs_of(dispatcher)) == 1


def test_slots_keep_no_job_from_being_pruned(dispatcher: Dispatcher, clockwork: Clockwork) -> None:
    due(dispatcher)
    clockwork.tick()
    [job] = jobs_of(dispatcher)
    end(dispatcher, job.id)
    assert dispatcher.prune(older_than=30).jobs == 1
    slot = last(dispatcher)
    assert (slot.outcome, slot.job_id, slot.job_state) == (SlotOutcome.FIRED, job.id, None)


def test_each_schedule_has_its_own_last_slot_in_a_list(dispatcher: Dispatcher, clockwork: Clockwork) -> None:
    for name in ("b", "a", "c"):
        due(dispatcher, name)
    dispatcher.pause_schedule("c")
    clockwork.tick()
    listed = dispatcher.schedules()
    assert [one.name for one in listed] == ["a", "b", "c"]
    assert [one.last and one.last.job_id for one in listed] == [jobs_of(dispatcher, name)[0].id for name in "ab"] + [
        None
    ]
    assert listed == [dispatcher.find_schedule(name) for name in "abc"]


def test_the_clock_of_the_server_counts_and_not_that_of_a_worker(
    dispatcher: Dispatcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not dispatcher.settings.database_url:
        return  # there is but one machine
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + 40 * DAY)
    made = dispatcher.schedule("one", DAILY, "add", {"a": 1})
    assert abs(made.created_at - real()) < 600
    Clockwork(dispatcher).tick()
    assert jobs_of(dispatcher) == []


@contextlib.contextmanager
def clock_off_by(monkeypatch: pytest.MonkeyPatch, seconds: float) -> Iterator[None]:
    """Have the clock of the store be wrong; that of a server is not this program's to set."""
    real, right = time.time, stored.clock
    with monkeypatch.context() as patch:
        patch.setattr(time, "time", lambda: real() + seconds)
        for module in (stored, slots):
            patch.setattr(module, "clock", lambda connection: right(connection) + seconds * (not is_sqlite(connection)))
        yield


def test_a_schedule_that_waits_for_a_clock_which_was_set_back_says_so_and_goes_on_from_now(
    dispatcher: Dispatcher, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    dispatcher.schedule("one", DAILY, "add", {"a": 1}, overlap="allow")
    with clock_off_by(monkeypatch, 1000 * DAY):
        Clockwork(dispatcher).tick()
    wrong = last(dispatcher).at
    clockwork = Clockwork(dispatcher)
    for _ in range(2):
        clockwork.tick()
    [said] = [record.getMessage() for record in caplog.records if "the clock was set back" in record.getMessage()]
    assert "'pfd schedules resume one --from-now'" in said
    dispatcher.pause_schedule("one")
    for schedule in (dispatcher.resume_schedule("one"), *dispatcher.schedules()):
        assert 990 * DAY < schedule.ahead < 1001 * DAY
    resumed = dispatcher.resume_schedule("one", from_now=True)
    assert resumed.ahead == 0
    assert time.time() < (resumed.next_at or 0) <= time.time() + DAY
    assert resumed.last is None
    assert len(jobs_of(dispatcher)) == 1
    set_back(dispatcher, "one", DAY / 2)
    Clockwork(dispatcher).tick()
    assert len(jobs_of(dispatcher)) == 2
    assert last(dispatcher).at < wrong


def test_going_on_from_now_settles_no_slot_twice(dispatcher: Dispatcher, clockwork: Clockwork) -> None:
    due(dispatcher)
    with dispatcher.store.read() as connection:
        [old], now = slots.due(connection)
    clockwork.tick()
    assert dispatcher.resume_schedule("one", from_now=True).last == last(dispatcher)
    clockwork.tick()
    assert len(jobs_of(dispatcher)) == 1
    with dispatcher.store.write() as connection:
        assert not slots.take(connection, old, int(now), int(now) + DAY, 0)


def test_a_clock_that_is_set_by_a_little_is_no_matter(
    dispatcher: Dispatcher, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with clock_off_by(monkeypatch, 60):
        dispatcher.schedule("one", DAILY, "add", {"a": 1})
    Clockwork(dispatcher).tick()
    assert dispatcher.find_schedule("one").ahead == 0
    assert "the clock" not in caplog.text


# -- workers ------------------------------------------------------------------------------------------------------


def test_a_worker_fires_within_a_sweep_and_runs_the_job(dispatcher: Dispatcher, registry: Registry) -> None:
    with Worker(dispatcher.settings, registry=registry):
        dispatcher.schedule("one", "* * * * * *", "add", {"a": 1})
        until(lambda: any(slot.job_state is State.SUCCESS for slot in dispatcher.schedule_slots("one")))
    fired = [slot for slot in dispatcher.schedule_slots("one") if slot.outcome is SlotOutcome.FIRED]
    assert {slot.job_id for slot in fired} == {job.id for job in jobs_of(dispatcher)}
    assert all(slot.settled_at >= slot.at for slot in fired)


def test_what_a_caller_runs_by_itself_fires_no_schedules(dispatcher: Dispatcher, registry: Registry) -> None:
    due(dispatcher)
    with Worker(dispatcher.settings, client_id="mine", registry=registry):
        time.sleep(5 * dispatcher.settings.sweep)
    eager = dispatcher.settings.model_copy(update={"runtime": "eager"})
    with Dispatcher(eager, registry=registry) as caller:
        assert caller.submit("nap_inline", {"seconds": 5 * eager.sweep}).state is State.SUCCESS
    assert dispatcher.schedule_slots("one") == []


def test_a_worker_that_is_to_stop_fires_nothing_more(dispatcher: Dispatcher, registry: Registry) -> None:
    with Worker(dispatcher.settings, registry=registry) as worker:
        assert worker.engine is not None
        worker.engine.claim_no_more()
        due(dispatcher)
        time.sleep(5 * dispatcher.settings.sweep)
        assert dispatcher.schedule_slots("one") == []
