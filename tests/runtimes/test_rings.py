"""A broker holds few rings whatever waits, and they reach whoever has a slot free."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from pfd import State
from pfd.notify import Wakeup
from pfd.runtimes.base import load_runtime
from pfd.runtimes.notifying import MOST
from pfd.store import NewJob, jobs
from pfd_contract import PATIENCE, MakeSite, Site
from tests.contract.support.sites import BrokerSite

MANY = 10_000


def _store_many(site: Site, number: int) -> None:
    """Store jobs as `submit` does, in one transaction."""
    with site.dispatcher.store.write() as connection:
        for _ in range(number):
            jobs.insert(connection, NewJob("contract_noop", "default", {}))


@pytest.mark.slow("ten thousand jobs")
def test_with_ten_thousand_jobs_waiting_rings_stay_few_and_the_most_urgent_job_is_next(calm_site: BrokerSite) -> None:
    site = calm_site
    with site.worker():
        first = site.submit("nap", {"gate": "go"})
        site.await_sight(first, "begins")
        _store_many(site, MANY - 200)
        handles = [site.submit("noop") for _ in range(100)]
        assert 0 < site.waiting_messages() <= MOST
        site.lose_rings()
        handles += [site.submit("noop") for _ in range(100)]
        assert 0 < site.waiting_messages() <= MOST
        urgent = site.submit("noop", priority=9)
        site.lose_rings()
        site.open_gate("go")
        assert urgent.wait(PATIENCE).state is State.SUCCESS
        [ends] = site.sights(first, "ends")
        begins = site.sights(urgent, "begins")[0].at
        others = [site.sights(handle, "begins")[0].at for handle in handles if site.sights(handle, "begins")]
        assert ends.at < begins
        assert all(begins < at for at in others)


SWEEP = 6.0
"""Seconds: long, so that a ring that nobody heard is plain to see."""


@pytest.mark.slow("two workers start, and a sweep is six seconds")
def test_a_long_job_does_not_hold_a_short_one_back(contract_sites: MakeSite, tmp_path: Path) -> None:
    """A worker whose slot is busy leaves rings to those with a slot free."""
    site = contract_sites(tmp_path, lease=600.0, sweep=SWEEP)
    with site.workers(2):
        long = site.submit("nap", {"gate": "long"})
        site.await_sight(long, "begins")
        waits = []
        for _ in range(40):
            submitted = time.monotonic()
            short = site.submit("noop")
            waits.append(site.await_sight(short, "begins").at - submitted)
            assert short.wait(PATIENCE).state is State.SUCCESS
        site.open_gate("long")
        assert long.wait(PATIENCE).state is State.SUCCESS
    site.close()
    # Were rings fetched by the busy worker, half of the jobs would wait for a sweep, three seconds in the mean.
    assert sum(wait > SWEEP / 6 for wait in waits) <= 2, waits


@pytest.mark.parametrize("release", [True, False], ids=["what is let go", "what is submitted"])
def test_a_job_rings_for_others(calm_site: BrokerSite, release: bool) -> None:
    """Idle workers hear of children and of followers, and not only at their next sweep."""
    site = calm_site
    with site.workers(2):
        if release:
            parent = site.submit("nap", {"gate": "parent"})
            followers = [site.submit("nap", {"seconds": 1.0}, after=[parent]) for _ in range(2)]
            site.await_sight(parent, "begins")
            site.open_gate("parent")
            ended = [handle.wait(PATIENCE) for handle in followers]
        else:
            ended = [site.submit("coordinator", {"children": 2}).wait(PATIENCE)]
    assert {job.state for job in ended} == {State.SUCCESS}
    if release:
        assert len({job.owner for job in ended}) == 2  # at the same time, by two workers of one slot


def test_a_runtime_that_was_closed_connects_anew(site: BrokerSite) -> None:
    runtime = load_runtime(site.settings)
    for number in (1, 2):
        runtime.notify(Wakeup(str(number), "contract_noop", "default"))
        assert site.waiting_messages() == number
        before = vars(runtime).keys() - {"_settings", "_given"}
        assert before
        runtime.close()
        assert not before & vars(runtime).keys()
