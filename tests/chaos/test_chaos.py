"""Everything at once, on each runtime with a broker.

Under jobs of every kind a worker is killed every second, the broker is restarted twice and emptied once, and the store
is restarted once.  Every job ends, with one accepted result, and no two processes of one job ever live: each holds a
lock on a file of its job, and what it does is written to another.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path

import pytest

import pfd_contract.suite as suite
from pfd_contract import Site
from pfd_contract.gaps import RecordProperty, record_gaps
from tests.contract.support.sites import site_maker
from tests.support.brokers import RedisServer, running_redis


@pytest.mark.parametrize("runtime", ["celery", "dramatiq"])
def test_under_kills_restarts_and_losses_each_job_has_one_end(
    runtime: str,
    request: pytest.FixtureRequest,
    tmp_path: Path,
    contract_full: bool,
    record_property: RecordProperty,
) -> None:
    make = site_maker(f"{runtime}-redis-postgres", request)
    # Seven jobs and their children for each kill: 43 kills make more than 300.
    kills = 43 if contract_full else 6
    with running_redis() as broker, contextlib.closing(make(tmp_path, broker_url=broker.url(0))) as site:
        record_gaps(suite.TestTrouble().run(site, kills, _trouble(site, broker, kills)), record_property)


def _trouble(site: Site, broker: RedisServer, kills: int) -> Callable[[int], None]:
    def restart_broker() -> None:
        broker.end()
        broker.start()

    def restart_store() -> None:
        with site.store_away():
            pass

    steps = (restart_broker, broker.flush, restart_store, restart_broker)
    # Spread over the kills, the first of them under full load.
    moments = {kills - 1 - index * max(1, (kills - 2) // len(steps)): step for index, step in enumerate(steps)}
    assert len(moments) == len(steps)

    def disturb(left: int) -> None:
        if step := moments.pop(left, None):
            step()

    return disturb
