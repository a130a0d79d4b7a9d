"""The contract suite on this workspace's own runtimes and stores."""

from __future__ import annotations

import itertools
import os
from pathlib import Path
from typing import Any

import pytest

from pfd.testing.contract import *  # noqa: F403  (its fixtures)
from pfd.testing.contract import LocalSite, MakeSite, contract_settings
from tests.contract.support.stores import StoppedPostgresSite

_numbers = itertools.count(1)

STORES = ("sqlite", "postgres")


@pytest.fixture(scope="session", params=STORES)
def contract_sites(request: pytest.FixtureRequest) -> MakeSite:
    """The embedded runtime on each kind of store."""
    if request.param == "sqlite":
        return lambda folder, **settings: LocalSite(contract_settings(folder / "home", **settings))
    server = request.getfixturevalue("postgres_server")

    def make(folder: Path, **settings: Any) -> StoppedPostgresSite:
        name = f"contract_{os.getpid()}_{next(_numbers)}"
        server.execute(f"CREATE DATABASE {name}")
        return StoppedPostgresSite(
            contract_settings(folder / "home", database_url=server.url(name), **settings), server
        )

    return make


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Some of these kill workers for a minute; on a busy machine that takes several."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.timeout(900))
