"""What a worker tells over HTTP, on every runtime and both kinds of store."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

from pfd import State
from pfd_contract import PATIENCE, MakeSite, Site, contract_settings, until
from pfd_contract.programs import WorkerProgram, pid_of
from tests.contract.support.stores import FrozenPostgresSite
from tests.support.scrape import Scrape, health
from tests.support.servers import PostgresServer

WATCHED = {"PFD_METRICS": "127.0.0.1:0", "PFD_PLUGINS": "contract,observability"}


def address_of(site: Site, worker: WorkerProgram) -> str:
    """Where a worker serves its metrics, as the store says."""
    [address] = [info.metrics for info in site.dispatcher.workers() if pid_of(info) == worker.owner]
    assert address
    return address


@contextlib.contextmanager
def watched(site: Site, slots: int = 2) -> Iterator[str]:
    """A worker, by where it serves its metrics."""
    with site.worker(slots, **WATCHED) as worker:
        yield address_of(site, worker)


def test_the_numbers_are_those_of_what_was_run(site: Site) -> None:
    cancelled = site.submit("noop", countdown=600)
    site.dispatcher.cancel(cancelled.id)
    waits = site.submit("nap", queue="nobody")
    with watched(site) as address:
        for _ in range(3):
            site.run("noop")
        site.run("nap", {"seconds": 0.2})
        assert site.run("fail", {"kind": "ConnectionError"}).state is State.FAILURE  # after three attempts
        until(lambda: Scrape(address).value("pfd_worker_busy") == 0, "nothing runs any more")
        time.sleep(2.1)  # so long a reading of the store may be served
        found = Scrape(address)
    assert found.values("pfd_jobs") == {
        ("default", "SUCCESS", "contract_noop"): 3,
        ("default", "REVOKED", "contract_noop"): 1,
        ("default", "SUCCESS", "contract_nap"): 1,
        ("nobody", "PENDING", "contract_nap"): 1,
        ("default", "FAILURE", "contract_fail"): 1,
    }
    ended = {labels: number for labels, number in found.values("pfd_jobs_ended_total").items() if number}
    assert ended == {
        ("default", "SUCCESS", "contract_noop"): 3,
        ("default", "SUCCESS", "contract_nap"): 1,
        ("default", "FAILURE", "contract_fail"): 1,
    }
    assert found.value("pfd_jobs_retried_total", task="contract_fail") == 2
    assert found.value("pfd_jobs_retried_total") == 2
    assert found.values("pfd_job_duration_seconds_count", queue="default") == {
        ("success", "contract_noop"): 3,
        ("success", "contract_nap"): 1,
        ("retry", "contract_fail"): 2,
        ("failure", "contract_fail"): 1,
    }
    assert 0.2 <= found.value("pfd_job_duration_seconds_sum", task="contract_nap") < PATIENCE
    assert found.value("pfd_job_waiting_seconds_count") == 7
    assert 0 < found.value("pfd_oldest_due_job_age_seconds", queue="nobody") < time.time() - waits.job.created_at + 1
    assert found.value("pfd_oldest_due_job_age_seconds", queue="default") == 0
    assert found.values("pfd_workers") == {(site.settings.runtime,): 1}
    assert found.value("pfd_worker_slots") == 2


def test_a_store_that_is_away_shows_in_the_health_and_is_no_reason_for_a_restart(site: Site) -> None:
    with watched(site) as address:
        job = site.submit("nap", {"seconds": site.settings.lease + 4})
        site.await_sight(job, "begins")
        until(lambda: health(address)[0] == health(address, "/health/ready")[0] == 200, "it is well")
        with site.store_away():
            until(lambda: health(address)[0] == 503, "the outage shows")
            status, report = health(address)
            assert (status, report["ok"], report["busy"]) == (503, False, 1)
            assert "no sign of life" in report["store"]
            assert health(address, "/health/ready")[0] == 503
            assert health(address, "/health/live") == (200, {"ok": True, "watch": "ok", "worker": report["worker"]})
            found = Scrape(address)
            assert found.value("pfd_worker_lease_age_seconds") > site.settings.lease
            # What was last written may be later than the last beat.
            until(
                lambda: Scrape(address).value("pfd_store_answer_age_seconds", access="write") > site.settings.lease,
                "nothing was written for as long",
            )
            assert found.value("pfd_worker_busy") == 1
        until(lambda: health(address)[0] == 200, "it is well again")
        assert job.wait(PATIENCE).state is State.SUCCESS
        assert Scrape(address).value("pfd_job_duration_seconds_count", outcome="success") == 1


def test_the_loss_of_a_worker_shows_in_the_numbers_of_another(site: Site) -> None:
    with site.workers(2, slots=1, **WATCHED) as [killed, left]:
        address = address_of(site, left)
        until(lambda: Scrape(address).value("pfd_workers") == 2, "both are seen")
        jobs = [site.submit("nap", {"gate": "open"}) for _ in range(2)]
        for job in jobs:
            site.await_sight(job, "begins")  # one at each
        killed.kill()
        until(lambda: Scrape(address).value("pfd_workers") == 1, "one is missed")
        until(lambda: Scrape(address).value("pfd_jobs_lost_total", task="contract_nap") == 1, "and so is its job")
        until(lambda: Scrape(address).value("pfd_jobs", state="RETRY") == 1, "which is to run again")
        site.open_gate("open")
        until(lambda: Scrape(address).value("pfd_jobs_ended_total", state="SUCCESS") == 2, "both have ended")


def test_a_job_that_holds_the_gil_for_longer_than_a_lease_keeps_nobody_from_being_well(
    contract_sites: MakeSite, tmp_path: Path
) -> None:
    lease = 6.0  # longer than a busy machine keeps anybody waiting
    with contextlib.closing(contract_sites(tmp_path, lease=lease)) as site, watched(site) as address:
        job = site.submit("sleep_in_c", {"seconds": 1.5 * lease})
        site.await_sight(job, "begins")
        while not job.ready():
            assert health(address)[0] == 200
            time.sleep(0.1)
        assert job.successful()


def test_a_store_that_hangs_holds_no_scrape_up_and_leaves_out_what_nobody_knows(
    postgres_server: PostgresServer, postgres_database: str, tmp_path: Path
) -> None:
    settings = contract_settings(tmp_path / "home", database_url=postgres_database)
    with contextlib.closing(FrozenPostgresSite(settings, postgres_server)) as site, watched(site) as address:
        site.run("noop")
        until(lambda: Scrape(address).value("pfd_jobs") == 1, "the job is counted")
        with site.store_away():
            until(lambda: health(address)[0] == 503, "the outage shows")
            until(lambda: Scrape(address).values("pfd_jobs") == {}, "what was read before is too old")
            began = time.monotonic()
            found = Scrape(address)
            assert time.monotonic() - began < 20  # the connection itself is given up after 30
            assert found.values("pfd_workers") == found.values("pfd_oldest_due_job_age_seconds") == {}
        assert found.value("pfd_jobs_ended_total") == 1
        until(lambda: Scrape(address).value("pfd_jobs") == 1, "the store is back")
