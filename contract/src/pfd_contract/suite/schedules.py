"""Line 24: each slot of a schedule is settled once, together with its job; of missed slots only the last fires."""

from __future__ import annotations

import contextlib
import itertools
import time
from collections.abc import Iterator

from pfd import Schedule, ScheduleSlot, SlotOutcome, State
from pfd.schedules.slots import KEPT
from pfd_contract.site import Site
from pfd_contract.waiting import PATIENCE, until

EVERY_SECOND = "* * * * * *"


class TestSchedules:
    def test_each_slot_makes_one_job_whatever_the_number_of_workers(self, calm_site: Site) -> None:
        with calm_site.workers(4), self._schedule(calm_site) as schedule:
            self._await_slots(calm_site, 8)
            slots = self._check(calm_site, schedule)
        for slot in slots:
            assert slot.job_id is not None
            assert len(calm_site.sights(slot.job_id, "begins")) == 1

    def test_each_slot_makes_one_job_while_workers_are_killed(self, site: Site) -> None:
        alive = [site.start_worker() for _ in range(3)]
        with self._schedule(site) as schedule:
            for kill in range(3):
                until(lambda: all(map(site.is_ready, alive)), "the workers are there")
                time.sleep(1 - time.time() % 1 + kill / 20)  # about when they fire
                alive.pop(0).kill()
                alive.append(site.start_worker())
            self._await_slots(site, 8)
            for slot in self._check(site, schedule, lost=True):
                assert slot.job_id is not None
                assert site.sights(slot.job_id, "overlap") == []

    def test_of_missed_slots_only_the_last_fires(self, site: Site) -> None:
        with self._schedule(site) as schedule:
            time.sleep(3.5)
            assert site.dispatcher.jobs() == []
            with site.workers(2):
                self._await_slots(site, 2)
                first, *_ = self._check(site, schedule)
        assert first.passed_over >= 2
        assert first.settled_at - first.at < PATIENCE

    def test_an_outage_of_the_store_fires_no_slot_twice_and_then_the_last_that_was_missed(self, pair: Site) -> None:
        with self._schedule(pair) as schedule:
            self._await_slots(pair, 2)
            with pair.store_away():
                time.sleep(1.5 * pair.settings.lease)
            self._await_slots(pair, 5)
            self._check(pair, schedule)

    @staticmethod
    @contextlib.contextmanager
    def _schedule(site: Site) -> Iterator[Schedule]:
        """A schedule that is there for the length of a block, so that no other test meets it."""
        schedule = site.dispatcher.schedule("contract", EVERY_SECOND, "contract_noop", overlap="allow")
        yield schedule
        site.dispatcher.unschedule(schedule.name)

    @staticmethod
    def _await_slots(site: Site, number: int) -> None:
        until(lambda: len(site.dispatcher.schedule_slots("contract")) >= number, f"{number} slots are settled")

    @staticmethod
    def _check(site: Site, schedule: Schedule, *, lost: bool = False) -> list[ScheduleSlot]:
        """What must hold of the slots up to now, however many workers there were; the slots, oldest first."""
        site.dispatcher.pause_schedule(schedule.name)
        slots = site.dispatcher.schedule_slots(schedule.name, limit=KEPT)[::-1]
        # Each second since it was made is one that fired, or one that was passed over by the next that did.
        seconds = [slot.at for slot in slots]
        steps = [1 + slot.passed_over for slot in slots]
        if len(slots) < KEPT:
            seconds, steps = [int(schedule.created_at), *seconds], [0, *steps]
        assert [after - before for before, after in itertools.pairwise(seconds)] == steps[1:]
        assert {slot.outcome for slot in slots} == {SlotOutcome.FIRED}
        assert all(slot.settled_at >= slot.at for slot in slots)
        # They were settled one after the other, and each job was stored with its slot.
        made = [job.id for job in site.dispatcher.jobs(tag=schedule.tag, limit=KEPT)][::-1]
        assert made == [slot.job_id for slot in slots]
        ended = {site.dispatcher.handle(job_id).wait(PATIENCE).state for job_id in made}
        assert ended <= ({State.SUCCESS, State.FAILURE} if lost else {State.SUCCESS})
        return slots
