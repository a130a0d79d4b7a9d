"""The contract suite on this workspace's own runtimes and stores."""

from __future__ import annotations

from pathlib import Path

import pytest

from pfd_contract import *  # noqa: F403  (its fixtures)
from pfd_contract import MakeSite
from tests.contract.support.selection import choose
from tests.contract.support.sites import site_maker

SITES = ("local-sqlite", "local-postgres", "celery-redis-postgres", "dramatiq-redis-postgres")


@pytest.fixture(scope="session", params=SITES)
def contract_sites(request: pytest.FixtureRequest) -> MakeSite:
    """Each runtime of this workspace, on each kind of store that it is meant for."""
    return site_maker(request.param, request)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Some of these kill workers for a minute; on a busy machine that takes several."""
    places = [place for place, item in enumerate(items) if item.path.is_relative_to(Path(__file__).parent)]
    ours = [items[place] for place in places]
    choose(ours)
    for item in ours:
        item.add_marker(pytest.mark.timeout(900))
    for place, item in zip(places, sorted(ours, key=_order), strict=True):
        items[place] = item


def _order(item: pytest.Item) -> tuple[str, bool]:
    """Of a file, those tests last that share workers: these are started for the first of them, and then look for jobs
    five times a second until the last has ended."""
    return str(item.path), not {"crew", "solo", "pair"}.isdisjoint(getattr(item, "fixturenames", ()))
