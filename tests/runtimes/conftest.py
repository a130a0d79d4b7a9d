"""What is said of the runtimes with a broker beyond the contract: sites on Redis and PostgreSQL."""

from __future__ import annotations

import pytest

from pfd_contract import *  # noqa: F403  (its fixtures)
from pfd_contract import MakeSite
from tests.contract.support.selection import params_of
from tests.contract.support.sites import site_maker
from tests.support.broker_sites import celery_crew, celery_site, celery_sites, dramatiq_site, dramatiq_sites

__all__ = ["celery_crew", "celery_site", "celery_sites", "dramatiq_site", "dramatiq_sites"]

FEW = {
    "celery": ("generate_dataset_task", "select_features_task"),
    "dramatiq": ("generate_dataset_task",),
}
"""Tasks that `make test` runs on the runtimes with a broker: one of arrays, and one of scikit-learn.

A runtime reaches into a task where it is told to stop, killed and heard, which is the same for all tasks; what a task
does in its process is the same on all runtimes.  On the embedded one all six are run, and by `make test-all` on each.
"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        given = params_of(item)
        few = FEW.get(str(given.get("bench")))
        if few is None:
            continue
        if "case" in given and given["case"].task.name not in few:
            item.add_marker(pytest.mark.elsewhere("of tasks on celery and dramatiq: in their process as on local"))
        if "case" not in given and given["bench"] == "dramatiq":
            item.add_marker(pytest.mark.elsewhere("of a worker that is killed before it says so: as on celery"))


@pytest.fixture(scope="session", params=["celery-redis-postgres", "dramatiq-redis-postgres"])
def contract_sites(request: pytest.FixtureRequest) -> MakeSite:
    """Each runtime with a broker."""
    return site_maker(request.param, request)
