"""What the tests of the core share: the sample plugin, a home of their own, and both kinds of store."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.tests.support.commands import Commands
from core.tests.support.stores import KINDS, Databases, as_environment, make_settings
from pfd import Dispatcher, Settings
from pfd.plugins import Registry, load_registry
from pfd.store import Store

PLUGIN = Path(__file__).with_name("plugin")
"""The folder that holds the sample plugin and its metadata, as a folder of installed packages would."""

MAKE_THEIR_HOMES = frozenset(
    {
        "test_backup", "test_cli_admin", "test_forks", "test_full_disk", "test_interpreter", "test_migrations",
        "test_modes", "test_ownership", "test_places", "test_private", "test_share", "test_shortage", "test_starting",
        "test_store_replaced", "test_store_trouble", "test_streams", "test_urls",
    }
)  # fmt: skip
"""Files of tests of what PFD does where a home or its store is not there yet, and of how it makes them.

All others are given a copy of a store that has been brought up once: that takes a tenth of the time.
"""

if str(PLUGIN) not in sys.path:
    sys.path.insert(0, str(PLUGIN))


@pytest.fixture(scope="session")
def listeners() -> Iterator[Path]:
    """A folder for the bells of workers; its path is short, as the path of a socket has to be."""
    folder = Path(tempfile.mkdtemp(prefix="pfd-bells-", dir="/tmp"))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session", autouse=True)
def _runtime_folder(listeners: Path) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(listeners))
        # Programs that a test starts find the sample plugin as this process does.
        patch.setenv("PYTHONPATH", os.pathsep.join([str(PLUGIN), *filter(None, [os.environ.get("PYTHONPATH")])]))
        yield


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No test reads or writes another's home, nor the user's."""
    monkeypatch.setenv("PFD_HOME", str(tmp_path / "home"))
    yield
    from pfd.client.dispatcher import forget_default

    forget_default()


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    """The sample plugin, loaded once."""
    return load_registry(make_settings(tmp_path_factory.mktemp("registry")))


@pytest.fixture(scope="session")
def databases(
    registry: Registry, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Databases:
    return Databases(registry, lambda: request.getfixturevalue("postgres_server"), tmp_path_factory.mktemp("stores"))


@pytest.fixture
def home(tmp_path: Path, request: pytest.FixtureRequest, databases: Databases) -> Path:
    """The home of this test alone: with an empty SQLite store in it, or to be made by PFD."""
    found = tmp_path / "home"
    if request.path.stem not in MAKE_THEIR_HOMES:
        databases.furnish(found)
    return found


@pytest.fixture(params=KINDS)
def settings(request: pytest.FixtureRequest, tmp_path: Path, databases: Databases) -> Settings:
    """Settings of an empty store of this test alone; the test runs once for each kind of store."""
    url = databases.emptied(request.param, tmp_path)
    return make_settings(tmp_path / "home" if url else request.getfixturevalue("home"), url)


@pytest.fixture
def store(settings: Settings, registry: Registry) -> Iterator[Store]:
    """An empty store, open."""
    opened = Store(settings, registry.tables()).open()
    yield opened
    opened.close()


@pytest.fixture
def sqlite_settings(home: Path) -> Settings:
    """Settings of an empty SQLite store, for what does not depend on the kind of store."""
    return make_settings(home)


@pytest.fixture
def other_settings() -> dict[str, object]:
    """Settings that a file of tests has beside those of `served`."""
    return {}


@pytest.fixture
def served(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, other_settings: dict[str, object]) -> Settings:
    """Settings of a store of this test alone, in the environment as well; the working directory is its own, too."""
    settings = make_settings(home, "", **other_settings)
    changed = {f"PFD_{name.upper()}": str(value) for name, value in other_settings.items()}
    for name, value in (as_environment(settings) | changed).items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    return settings


@pytest.fixture
def pfd(capsys: pytest.CaptureFixture[str], served: Settings) -> Commands:
    """The command line on that store."""
    return Commands(capsys)


@pytest.fixture
def bare_pfd(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Commands:
    """The command line in an empty folder, where nothing is set but the home."""
    monkeypatch.chdir(tmp_path)
    return Commands(capsys)


@pytest.fixture
def dispatcher(served: Settings, registry: Registry) -> Iterator[Dispatcher]:
    """A dispatcher on that store."""
    with Dispatcher(served, registry=registry) as opened:
        yield opened
