"""Thousands of jobs that hang on one: its end settles them in pieces, so that nobody waits long for the store."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from core.tests.support.waiting import until
from pfd import Dispatcher, Settings, State, Worker
from pfd.plugins import Registry
from pfd.store import NewJob, jobs, settle
from pfd.store.schema import facts
from pfd.store.schema import jobs as table

LENGTH = 250


@pytest.fixture
def dispatcher(settings: Settings, registry: Registry, monkeypatch: pytest.MonkeyPatch) -> Iterator[Dispatcher]:
    monkeypatch.setattr(settle, "PIECE", 100)  # as a chain of thousands would be cut
    with Dispatcher(settings, registry=registry, tells_unserved=False) as found:
        yield found


def stored(dispatcher: Dispatcher, shape: str) -> list[str]:
    """Ids of a job and of those that hang on it: each on the one before, or all on the first."""
    ids: list[str] = []
    with dispatcher.store.write() as connection:
        for _ in range(LENGTH):
            after = (ids[-1 if shape == "chain" else 0],) if ids else ()
            ids.append(jobs.insert(connection, NewJob("add", "default", {"a": 1}, after=after)).id)
    return ids


def states(dispatcher: Dispatcher) -> set[str]:
    with dispatcher.store.read() as connection:
        return set(connection.execute(sa.select(table.c.state)).scalars())


@pytest.mark.parametrize("shape", ["chain", "fan"])
def test_what_hangs_on_a_cancelled_job_is_ended_in_pieces(dispatcher: Dispatcher, shape: str) -> None:
    ids = stored(dispatcher, shape)
    with dispatcher.store.write() as connection:
        assert len(jobs.cancel(connection, ids[0])[1]) == settle.PIECE + 1
    pieces = []
    while (ended := dispatcher.store.settle(settle.go_on)) is not None:
        pieces.append(len(ended))
    assert pieces == [100, 49]
    assert states(dispatcher) == {State.REVOKED}
    above = ids[-2 if shape == "chain" else 0]
    failure = dispatcher.job(ids[-1]).failure
    assert failure is not None
    assert failure.message == f"job {above}, which this one depends on, ended as REVOKED"
    with dispatcher.store.read() as connection:
        assert not settle.is_left(connection)


def test_whoever_cancels_ends_all_of_a_long_chain(dispatcher: Dispatcher) -> None:
    dispatcher.cancel(stored(dispatcher, "chain")[0])
    assert states(dispatcher) == {State.REVOKED}


def test_a_worker_ends_what_somebody_who_was_killed_has_left(dispatcher: Dispatcher, registry: Registry) -> None:
    head = stored(dispatcher, "chain")[0]
    with dispatcher.store.write() as connection:
        jobs.cancel(connection, head)
    assert states(dispatcher) == {State.REVOKED, State.PENDING}
    with Worker(dispatcher.settings, slots=1, registry=registry):
        until(lambda: states(dispatcher) == {State.REVOKED}, "a sweep has gone on")
    with dispatcher.store.read() as connection:
        assert set(connection.execute(sa.select(facts.c.name)).scalars()) - {"feed_server"} == {"store_id"}
