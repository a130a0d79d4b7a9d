"""Stores for tests: SQLite files and PostgreSQL databases, copied from one of each that has been brought up once."""

from __future__ import annotations

import itertools
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from pfd import Settings
from pfd.plugins import Registry
from pfd.records import Record
from pfd.store import Store
from tests.support.servers import PostgresServer

KINDS = ("sqlite", "postgres")

SHORT = {"lease": 2.0, "sweep": 0.2, "grace": 0.5}
"""Settings with which losing a worker and ending a job take a second or two."""

_numbers = itertools.count(1)


def make_settings(home: Path, url: str = "", **others: object) -> Settings:
    """Settings of a store of its own, with only the sample plugin, short times and no devices."""
    given = {"home": home, "database_url": url, "plugins": ("sample",), "gpus": "none", **SHORT, **others}
    return Settings.model_validate(given)


def as_environment(settings: Settings) -> dict[str, str]:
    """The variables that give another program the same settings."""
    return {
        "PFD_HOME": str(settings.home),
        "PFD_DATABASE_URL": settings.database_url,
        "PFD_PLUGINS": ",".join(settings.plugins),
        "PFD_LEASE": str(settings.lease),
        "PFD_SWEEP": str(settings.sweep),
        "PFD_GRACE": str(settings.grace),
        "PFD_GPUS": settings.gpus,
    }


class Databases:
    """Makes empty stores of each kind.  Databases are dropped with their server, at the end of the session.

    Parameters
    ----------
    folder : an empty folder for what is copied.
    """

    def __init__(self, registry: Registry, server: Callable[[], PostgresServer], folder: Path) -> None:
        self._registry = registry
        self._server = server
        self._home = folder / "home"
        self._template: str | None = None
        self._shared: str | None = None

    def furnish(self, home: Path) -> None:
        """Put an SQLite store with all tables into a home that is not there yet, as its first user would leave it.

        It has no id yet: each copy is given its own.
        """
        if not self._home.exists():
            Store(make_settings(self._home), self._registry.tables()).open().close()
        shutil.copytree(self._home, home)

    def url(self, kind: str, folder: Path) -> str:
        """The URL of a new store: empty for SQLite in the home, else a PostgreSQL database with all tables."""
        if kind == "sqlite":
            return ""
        server = self._server()
        if self._template is None:
            self._template = f"core_template_{os.getpid()}_{next(_numbers)}"
            server.execute(f"CREATE DATABASE {self._template}")
            store = Store(make_settings(folder, server.url(self._template)), self._registry.tables())
            assert store.upgrade() == {}
            store.close()
        name = f"core_{os.getpid()}_{next(_numbers)}"
        server.execute(f"CREATE DATABASE {name} TEMPLATE {self._template}")
        return server.url(name)

    def emptied(self, kind: str, folder: Path) -> str:
        """As `url`, but one PostgreSQL database for all callers, emptied: for tests that leave no connection behind."""
        if kind == "sqlite":
            return ""
        if self._shared is None:
            self._shared = self.url(kind, folder)
            return self._shared
        store = Store(make_settings(folder, self._shared))
        with store.write() as connection:
            names = ", ".join(
                table.name for table in Record.metadata.sorted_tables if table.name in _tables(connection)
            )
            connection.exec_driver_sql(f"TRUNCATE {names} RESTART IDENTITY CASCADE")
        store.close()
        return self._shared


def _tables(connection: Connection) -> list[str]:
    return sa.inspect(connection).get_table_names()
