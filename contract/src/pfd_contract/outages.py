"""Ways to take a store away from those who use it."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator

import sqlalchemy as sa


@contextlib.contextmanager
def outage(url: str) -> Iterator[None]:
    """Take the store at `url` away for the length of a block."""
    parsed = sa.make_url(url)
    with sqlite_locked(parsed) if parsed.get_backend_name() == "sqlite" else postgres_closed(parsed):
        yield


@contextlib.contextmanager
def sqlite_locked(url: sa.URL) -> Iterator[None]:
    """Hold the write lock from outside: all can read and nobody can write."""
    with contextlib.closing(sqlite3.connect(str(url.database), isolation_level=None, timeout=60)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")


@contextlib.contextmanager
def postgres_closed(url: sa.URL) -> Iterator[None]:
    """End all connections of the database and let nobody in.  The URL's user has to be a superuser."""
    name = str(url.database)
    engine = sa.create_engine(url.set(database="postgres"), isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    quoted = engine.dialect.identifier_preparer.quote(name)
    with engine.connect() as connection:
        connection.exec_driver_sql(f"ALTER DATABASE {quoted} ALLOW_CONNECTIONS false")
        try:
            end = sa.text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name")
            connection.execute(end, {"name": name})
            yield
        finally:
            connection.exec_driver_sql(f"ALTER DATABASE {quoted} ALLOW_CONNECTIONS true")
