"""A runtime of somebody else's, found by its entry point, is judged as ours are: the example of the how-to page."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pfd_contract import MakeSite, contract_settings
from pfd_contract.suite import TestClaims, TestOrder  # noqa: F401  (collected)
from tests.contract.support.stores import StoppedPostgresSite
from tests.support.servers import PostgresServer
from tests.support.workspace import ROOT

SOURCE = ROOT / "examples" / "notify_runtime"


class NotifySite(StoppedPostgresSite):
    """Its rings are gone when nobody listens: there is nothing to lose."""

    def lose_rings(self) -> None:
        """Nothing is kept anywhere."""


@pytest.fixture(scope="module", autouse=True)
def _installed(contract_plugins: Path) -> Iterator[None]:
    """As after `pip install ./examples/notify_runtime`."""
    info = contract_plugins / "pfd_notify-0.1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: pfd-notify\nVersion: 0.1.0\n", encoding="utf-8")
    points = SOURCE.joinpath("pyproject.toml").read_text(encoding="utf-8")
    assert 'notify = "pfd_notify:NotifyRuntime"' in points
    (info / "entry_points.txt").write_text("[pfd.runtimes]\nnotify = pfd_notify:NotifyRuntime\n", encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        source = str(SOURCE / "src")
        patch.setenv("PYTHONPATH", os.pathsep.join([source, os.environ["PYTHONPATH"]]))
        patch.setattr(sys, "path", [source, *sys.path])
        yield


@pytest.fixture(scope="session", params=["notify-postgres"])
def contract_sites(postgres_server: PostgresServer) -> MakeSite:
    """The example's runtime, each site on a database of its own."""

    def make(folder: Path, **settings: Any) -> NotifySite:
        name = f"notify_{os.getpid()}_{abs(hash(str(folder))) % 10**8}"
        postgres_server.execute(f"CREATE DATABASE {name}")
        given = {"runtime": "notify", "database_url": postgres_server.url(name), **settings}
        return NotifySite(contract_settings(folder / "home", **given), postgres_server)

    return make
