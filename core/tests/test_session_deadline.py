"""A session that is held for too long: it is rolled back while its holder still holds it, and says so."""

from __future__ import annotations

import sqlite3
import threading
import time

import pytest
import sqlalchemy as sa

from pfd import StoreError
from pfd.plugins import Registry
from pfd.store import NewJob, Store, deadline, jobs
from pfd.store.engine import is_sqlite

MOST = 0.5

ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"


@pytest.fixture
def job_id(store: Store, registry: Registry) -> str:
    from pfd_sample.records import Note  # noqa: F401  (declares the table)

    with store.write() as connection:
        return jobs.insert(connection, NewJob("note", "default", {})).id


def notes(store: Store) -> list[str]:
    from pfd_sample.records import Note

    with store.session() as session:
        return list(session.scalars(sa.select(Note.text)))


def hold(
    store: Store, job_id: str, release: threading.Event, then: str = "", begun: threading.Event | None = None
) -> None:
    from pfd_sample.records import Note

    with store.session(write=True, most=MOST) as session:
        session.add(Note(job_id=job_id, text="held"))
        session.flush()
        half_read = session.connection().exec_driver_sql("SELECT 1 UNION SELECT 2 UNION SELECT 3")
        assert half_read.fetchone() is not None
        if begun is not None:
            begun.set()
        assert release.wait(60)
        if then:
            session.execute(sa.text(then))


@pytest.mark.parametrize("then", ["", "UPDATE sample_note SET text = 'late'"])
def test_others_write_while_a_session_is_still_held_for_too_long(store: Store, job_id: str, then: str) -> None:
    begun, release, caught = threading.Event(), threading.Event(), []

    def holder() -> None:
        try:
            hold(store, job_id, release, then, begun)
        except BaseException as error:
            caught.append(error)

    thread = threading.Thread(target=holder)
    thread.start()
    try:
        assert begun.wait(60)
        with store.write() as connection:  # waits no longer than the session may last
            jobs.cancel(connection, job_id)
    finally:
        release.set()
        thread.join()
    assert len(caught) == 1
    assert isinstance(caught[0], StoreError)
    assert "a session was held for" in str(caught[0])
    assert notes(store) == []
    with store.write() as connection:  # the pool holds no broken connection
        assert jobs.get(connection, job_id).ended_at is not None


def test_a_statement_that_takes_too_long_is_ended_as_well(store: Store, job_id: str) -> None:
    with pytest.raises(StoreError, match="a session was held for"), store.session(write=True, most=MOST) as session:
        session.execute(sa.text(ENDLESS))


def test_a_connection_is_closed_only_when_its_timer_has_let_go_of_it(
    store: Store, job_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On SQLite, whose driver crashes where one thread closes what another is using."""
    let_go, cut = threading.Event(), deadline._cut

    def slow(raw: sqlite3.Connection) -> None:
        time.sleep(1.0)
        cut(raw)
        let_go.set()

    monkeypatch.setattr(deadline, "_cut", slow)
    with pytest.raises(StoreError, match="a session was held for"), store.session(write=True, most=MOST):
        time.sleep(MOST + 0.2)
    assert let_go.is_set() or not is_sqlite(store.engine)


def test_a_session_that_is_short_is_kept(store: Store, job_id: str) -> None:
    release = threading.Event()
    release.set()
    hold(store, job_id, release)
    assert notes(store) == ["held"]


def test_an_error_of_the_holder_is_its_own(store: Store, job_id: str) -> None:
    with pytest.raises(ZeroDivisionError), store.session(write=True, most=MOST):
        raise ZeroDivisionError
