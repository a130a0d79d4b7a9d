"""Lines 12, 13 and 14: which job is next, one job a key, and who may claim what."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pfd import KeyConflict, State
from pfd_contract.site import Site
from pfd_contract.waiting import PATIENCE

_RACE = """
import os
from pfd import Dispatcher
opened, gate = os.pipe()
Dispatcher().tasks
racers = []
for _ in range(8):
    racers.append(os.fork())
    if racers[-1] == 0:
        os.close(gate)
        dispatcher = Dispatcher()
        dispatcher.store
        os.read(opened, 1)  # the end of the file comes to all of them at once
        os.write(1, dispatcher.submit("contract_nap", {"gate": "race"}, key="one").id.encode() + b"\\n")
        os._exit(0)
os.close(gate)
assert not any(os.waitpid(racer, 0)[1] for racer in racers)
"""
"""Eight processes of one program: interpreters take longer to start than a race takes."""

_ELSEWHERE = """
def run(params, ctx):
    return {"value": 7}
"""


class TestOrder:
    def test_the_larger_priority_is_sooner_and_then_the_older_job(self, solo: Site) -> None:
        first = solo.submit("nap", {"gate": "order"})
        solo.await_sight(first, "begins")
        wanted = [0, 5, -1, 5, 0, 9]
        handles = [solo.submit("noop", priority=priority) for priority in wanted]
        solo.open_gate("order")
        for handle in [first, *handles]:
            assert handle.wait(PATIENCE).state is State.SUCCESS
        begun = sorted(range(len(wanted)), key=lambda index: solo.sights(handles[index], "begins")[0].at)
        assert begun == [5, 1, 3, 0, 4, 2]

    def test_a_job_starts_when_it_falls_due_to_within_a_sweep(self, crew: Site) -> None:
        crew.run("noop")  # all is warm
        due = time.time() + 1.5
        handle = crew.submit("noop", not_before=due)
        job = handle.wait(PATIENCE)
        assert job.started_at is not None
        assert 0 <= job.started_at - due < crew.settings.sweep + 1.0  # and what a busy machine takes

    def test_eight_processes_that_submit_one_key_at_once_make_one_job(self, site: Site) -> None:
        assert site.dispatcher.jobs() == []  # the tables are there
        command = [sys.executable, "-c", _RACE]
        done = subprocess.run(
            command, env=site.environment(), capture_output=True, text=True, check=False, timeout=PATIENCE
        )
        assert done.returncode == 0, done.stderr
        ids = done.stdout.split()
        assert len(ids) == 8
        [only] = set(ids)
        assert [job.id for job in site.dispatcher.jobs()] == [only]

    def test_a_key_is_free_again_once_its_job_has_ended(self, crew: Site) -> None:
        first = crew.submit("nap", {"gate": "key"}, key="k")
        assert crew.submit("nap", {"gate": "key"}, key="k").id == first.id
        with pytest.raises(KeyConflict, match=first.id):
            crew.submit("nap", {"gate": "another"}, key="k")
        crew.open_gate("key")
        assert first.wait(PATIENCE).state is State.SUCCESS
        second = crew.submit("nap", {"gate": "key"}, key="k")
        assert second.id != first.id
        assert second.wait(PATIENCE).state is State.SUCCESS

    def test_a_worker_claims_only_what_it_can_load(self, crew: Site, tmp_path: Path) -> None:
        (tmp_path / "contract_elsewhere_code.py").write_text(_ELSEWHERE, encoding="utf-8")
        handle = crew.submit("elsewhere")
        assert crew.run("noop").state is State.SUCCESS  # it claims on, past the one that it cannot
        time.sleep(5 * crew.settings.sweep)
        assert handle.state is State.PENDING
        with crew.worker(PYTHONPATH=os.pathsep.join([str(tmp_path), os.environ["PYTHONPATH"]])):
            assert handle.get(PATIENCE) == {"value": 7}

    def test_a_worker_inside_a_command_claims_what_that_command_submitted_and_its_descendants(self, site: Site) -> None:
        stranger = site.submit("noop", priority=100)
        site.pfd("submit", "contract_coordinator", "children=2", "--wait", PFD_RUNTIME="local")
        [family] = site.dispatcher.jobs(task="contract_coordinator")
        assert family.state is State.SUCCESS
        children = site.dispatcher.jobs(parent=family.id)
        assert [child.state for child in children] == [State.SUCCESS] * 2
        assert (stranger.state, site.sights(stranger)) == (State.PENDING, [])
