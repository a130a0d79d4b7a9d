"""Line 22: where a store lives, and who may serve it."""

from __future__ import annotations

from pathlib import Path

from pfd import State
from pfd_contract.programs import pid_of
from pfd_contract.site import Site
from pfd_contract.waiting import PATIENCE


class TestPlaces:
    def test_a_worker_whose_home_lacks_the_id_of_the_store_refuses_to_start(self, crew: Site, tmp_path: Path) -> None:
        assert crew.run("noop").state is State.SUCCESS
        stranger = crew.start_worker(PFD_HOME=str(tmp_path), PFD_DATABASE_URL=crew.settings.store_url)
        assert stranger.wait() != 0
        assert "PFD_HOME" in stranger.printed
        assert stranger.owner not in map(pid_of, crew.dispatcher.workers())

    def test_of_workers_that_write_all_the_time_none_is_told_of_a_lock(self, crew: Site, contract_full: bool) -> None:
        """For a minute at full length: progress, rows, ends and claims of two workers, and a client that submits."""
        rounds = 60 if contract_full else 8
        said_before = len(crew.programs[0].printed)
        with crew.worker(slots=2) as second:
            ended = []
            for _ in range(rounds):  # of about a second each
                handles = [crew.submit("zigzag", {"size": 60}) for _ in range(2)]
                handles += [crew.submit("row", {"times": 0}) for _ in range(4)]
                handles += [crew.submit("noop") for _ in range(20)]
                ended += [handle.wait(PATIENCE) for handle in handles]
        assert {(job.state, job.lost) for job in ended} == {(State.SUCCESS, 0)}
        for said in (crew.programs[0].printed[said_before:], second.printed):
            assert "locked" not in said  # the word in which each error and warning about it is put
