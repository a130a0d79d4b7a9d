"""A write transaction that ends in time, whatever the code does that holds it."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
import time
from collections.abc import Iterator

from sqlalchemy.engine import Connection
from sqlalchemy.exc import PendingRollbackError

from pfd.errors import StoreError
from pfd.store.engine import IDLE, is_sqlite

STEPS = 100_000
"""Steps of SQLite's machine between two looks at the clock: some milliseconds."""


@contextlib.contextmanager
def ended_after(connection: Connection, seconds: float) -> Iterator[None]:
    """Roll the transaction of `connection` back once it is `seconds` old.

    It may not wait for its holder to come to an end: on SQLite every other writer of the store waits meanwhile.

    Raises
    ------
    StoreError : it was rolled back; nothing was written.
    """
    began = time.monotonic()
    try:
        with _limit(connection, seconds):
            yield
    except Exception as error:  # whatever is made of a connection that was cut off
        if time.monotonic() - began >= seconds and not isinstance(error, StoreError):
            connection.invalidate()
            raise _too_long(began, seconds) from error
        raise
    if time.monotonic() - began >= seconds:
        with contextlib.suppress(PendingRollbackError):
            connection.invalidate()
        raise _too_long(began, seconds)


@contextlib.contextmanager
def _limit(connection: Connection, seconds: float) -> Iterator[None]:
    if not is_sqlite(connection):
        # The server sees to it, even where this program is stopped.
        for name in ("statement_timeout", IDLE):
            connection.exec_driver_sql(f"SET LOCAL {name} = {int(seconds * 1000)}")
        yield
        return
    raw = connection.connection.driver_connection
    assert isinstance(raw, sqlite3.Connection)
    deadline = time.monotonic() + seconds
    # A statement that still runs then ends itself.  sqlite3_interrupt() would do so as well, and with it refuse the
    # rollback for as long as a query is half read.
    raw.set_progress_handler(lambda: time.monotonic() > deadline, STEPS)
    timer = threading.Timer(seconds, _cut, (raw,))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()  # it may be at the connection right now, which is closed next
        raw.set_progress_handler(None, 0)


def _cut(raw: sqlite3.Connection) -> None:
    """In the timer's thread.  The connection is not closed here, where its holder may be in the middle of a call."""
    with contextlib.suppress(sqlite3.Error):
        # A statement after the rollback would be its own transaction: from here on none can write.
        raw.execute("PRAGMA query_only=ON")
        raw.execute("ROLLBACK")


def _too_long(began: float, seconds: float) -> StoreError:
    return StoreError(
        f"a session was held for {time.monotonic() - began:.0f} s, more than {seconds:.0f}: nothing was written",
        hint="compute first, then open the session only to write",
    )
