"""What the contract promises to tasks that use PyTorch and scikit-learn, on each site."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pfd import JobCancelled, State
from pfd.runner.profile import PROCESS_VARIABLE, THREAD_VARIABLES
from pfd.worker.cores import cores
from pfd_contract import PATIENCE, MakeSite, Site

PLUGIN = Path(__file__).with_name("plugin")


@pytest.fixture
def libraries(contract_sites: MakeSite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """A site that also knows the tasks of the folder `plugin`, as yet without a worker."""
    monkeypatch.setattr(sys, "path", [str(PLUGIN), *sys.path])
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(PLUGIN), os.environ["PYTHONPATH"]]))
    made = contract_sites(tmp_path, plugins=("contract", "libraries"), lease=15.0, grace=5.0)
    yield made
    made.close()


def test_a_data_loader_with_workers_works_in_a_job(libraries: Site) -> None:
    with libraries.worker():
        assert libraries.run("load_data", {"workers": 2, "rows": 64}).result == {"value": 2016}


@pytest.mark.parametrize("slots", [1, 2])
def test_each_library_uses_its_share_of_the_cores(libraries: Site, slots: int, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*THREAD_VARIABLES, PROCESS_VARIABLE):
        monkeypatch.delenv(name, raising=False)
    share = max(1, int(cores() / slots))
    with libraries.worker(slots):
        found = (libraries.run("count_threads").result or {})["value"]
    assert {library for library, _ in found} == {"torch", "joblib", "blas", "openmp"}
    assert {number for _, number in found} == {share}, found


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_a_cancel_inside_a_grid_search_is_soft_and_prompt(libraries: Site, n_jobs: int) -> None:
    with libraries.worker():
        handle = libraries.submit("search", {"n_jobs": n_jobs})
        libraries.await_sight(handle, "searches")
        time.sleep(1.0)  # it is well inside
        asked = time.time()
        handle.revoke()
        with pytest.raises(JobCancelled):
            handle.get(PATIENCE)
        job = handle.job
    assert job.state is State.REVOKED
    assert [sight.detail for sight in libraries.sights(handle, "raises")] == ["CancelRequested"]  # it was asked
    assert job.ended_at is not None
    assert job.ended_at - asked < libraries.settings.grace  # and not ended by force
