"""Sites on one runtime with a broker, for the tests of its distribution and for those across them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pfd_contract import MakeSite, Site
from tests.contract.support.sites import site_maker


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
