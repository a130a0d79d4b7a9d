"""What is said of the runtimes with a broker beyond the contract: sites on Redis and PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pfd.testing.contract import *  # noqa: F403  (its fixtures)
from pfd.testing.contract import MakeSite, Site
from tests.contract.support.selection import params_of
from tests.contract.support.sites import site_maker

FEW = ("generate_dataset_task", "select_features_task")
"""Tasks that `make test` runs on the runtimes with a broker: one of arrays, and one of scikit-learn.

A runtime reaches into a task where it is told to stop, killed and heard, which is the same for all tasks; what a task
does in its process is the same on all runtimes.  On the embedded one all six are run, and by `make test-all` on each.
"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        given = params_of(item)
        if "case" in given and given.get("bench", "local") != "local" and given["case"].task.name not in FEW:
            item.add_marker(pytest.mark.elsewhere("of tasks on celery and dramatiq: in their process as on local"))


@pytest.fixture(scope="session", params=["celery-redis-postgres", "dramatiq-redis-postgres"])
def contract_sites(request: pytest.FixtureRequest) -> MakeSite:
    """Each runtime with a broker."""
    return site_maker(request.param, request)


@pytest.fixture(scope="session")
def celery_sites(request: pytest.FixtureRequest) -> MakeSite:
    """Celery alone."""
    return site_maker("celery-redis-postgres", request)


@pytest.fixture(scope="session")
def dramatiq_sites(request: pytest.FixtureRequest) -> MakeSite:
    """Dramatiq alone."""
    return site_maker("dramatiq-redis-postgres", request)


@pytest.fixture
def celery_site(celery_sites: MakeSite, tmp_path: Path) -> Iterator[Site]:
    """A site on Celery of this test alone, as yet without a worker."""
    made = celery_sites(tmp_path, lease=15.0)
    yield made
    made.close()


@pytest.fixture
def dramatiq_site(dramatiq_sites: MakeSite, tmp_path: Path) -> Iterator[Site]:
    """The same on Dramatiq."""
    made = dramatiq_sites(tmp_path, lease=15.0)
    yield made
    made.close()


@pytest.fixture(scope="module")
def celery_crew(celery_sites: MakeSite, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site on Celery with one worker of three slots, shared by the tests of a module."""
    made = celery_sites(tmp_path_factory.mktemp("celery"), lease=15.0)
    with made.worker(slots=3) as program:
        yield made
        program.stop()
    made.close()
