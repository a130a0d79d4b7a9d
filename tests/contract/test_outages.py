"""Further ways in which PostgreSQL can be away: it does not answer; or it lives, and lets nobody into the database."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pfd_contract import Site, contract_settings
from pfd_contract.suite.fence import TestFence as _Fence
from tests.contract.support.stores import FrozenPostgresSite, PostgresSite
from tests.support.servers import PostgresServer


@pytest.fixture(params=[FrozenPostgresSite, PostgresSite], ids=["frozen", "closed"])
def other_site(
    request: pytest.FixtureRequest,
    postgres_server: PostgresServer,
    postgres_database: str,
    tmp_path: Path,
) -> Iterator[Site]:
    made = request.param(contract_settings(tmp_path / "home", database_url=postgres_database), postgres_server)
    yield made
    made.close()


def test_an_outage_of_another_kind_runs_nothing_again_and_loses_nothing(other_site: Site) -> None:
    with other_site.workers(2, slots=5):
        _Fence().test_an_outage_of_the_store_runs_nothing_again_and_loses_nothing(other_site)
