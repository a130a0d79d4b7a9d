"""A store that is removed, or is another one, while a worker serves it: the worker says so and ends."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

from core.tests.support.stores import make_settings
from pfd import Settings, Worker
from pfd.errors import StoreReplaced
from pfd.plugins import Registry
from pfd.store import Store
from pfd.store.schema import facts
from pfd.worker import heartbeat


def serve(settings: Settings, registry: Registry, meanwhile: Callable[[], object]) -> None:
    """Be a worker, as `pfd worker` is, and have something done once it serves."""
    acting = threading.Timer(0.3, meanwhile)
    try:
        Worker(settings, slots=1, registry=registry).run_forever(acting.start)
    finally:
        acting.join()


def test_a_worker_ends_where_its_store_is_another_one(settings: Settings, store: Store, registry: Registry) -> None:
    def replace() -> None:
        with store.write() as connection:
            connection.execute(sa.update(facts).where(facts.c.name == "store_id").values(value="0" * 32))

    with pytest.raises(StoreReplaced, match="is another one than when this program began"):
        serve(settings, registry, replace)


def test_a_worker_ends_where_the_file_of_another_store_lies_in_the_place_of_its_own(
    sqlite_settings: Settings, registry: Registry, tmp_path: Path
) -> None:
    other = make_settings(tmp_path / "other")
    with Worker(other, registry=registry):
        pass

    def replace() -> None:
        shutil.copy(other.home / "pfd.sqlite3", tmp_path / "copy")
        (tmp_path / "copy").replace(sqlite_settings.home / "pfd.sqlite3")

    with pytest.raises(StoreReplaced, match="lies another file"):
        serve(sqlite_settings, registry, replace)


def test_a_worker_ends_where_its_home_stays_removed(
    sqlite_settings: Settings, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heartbeat, "GONE", 0.5)
    with pytest.raises(StoreReplaced, match="is gone"):
        serve(sqlite_settings, registry, lambda: shutil.rmtree(sqlite_settings.home, ignore_errors=True))
