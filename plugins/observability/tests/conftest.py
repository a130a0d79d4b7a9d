"""The fixtures of the core's tests, with this plugin beside their sample plugin."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.tests.conftest import _own_home, _runtime_folder, databases, dispatcher, home, listeners, pfd, store
from core.tests.support.stores import KINDS, Databases, as_environment, make_settings
from pfd import Settings
from pfd.plugins import Registry, load_registry

__all__ = ["_own_home", "_runtime_folder", "databases", "dispatcher", "home", "listeners", "pfd", "store"]

PLUGINS = ("sample", "observability")


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    """Both plugins, loaded once."""
    return load_registry(make_settings(tmp_path_factory.mktemp("registry"), plugins=PLUGINS))


@pytest.fixture(params=KINDS)
def settings(request: pytest.FixtureRequest, tmp_path: Path, databases: Databases) -> Settings:
    """Settings of an empty store of this test alone; the test runs once for each kind of store."""
    url = databases.emptied(request.param, tmp_path)
    return make_settings(tmp_path / "home" if url else request.getfixturevalue("home"), url, plugins=PLUGINS)


@pytest.fixture
def sqlite_settings(home: Path) -> Settings:
    """Settings of an empty SQLite store, for what does not depend on the kind of store."""
    return make_settings(home, plugins=PLUGINS)


@pytest.fixture
def served(sqlite_settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The same, in the environment as well."""
    for name, value in as_environment(sqlite_settings).items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    return sqlite_settings
