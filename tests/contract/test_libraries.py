"""What the contract promises to tasks that use PyTorch and scikit-learn, on each site."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pfd import JobCancelled, State
from pfd.testing.contract import PATIENCE, MakeSite, Site

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
