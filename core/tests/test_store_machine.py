"""The store against a small model of it, driven by Hypothesis.

Any mixture of submissions, claims, writes of present and past runs, cancels and lost workers, by two workers, one after
the other: the store does what the model says, refuses what the model refuses, and holds what always has to hold.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)

from core.tests.support.stores import KINDS, Databases, make_settings
from pfd import KeyConflict, StaleClaim, State
from pfd.job import ENDED, MOVES, QUEUED, RUNNING, Job, JobFailure
from pfd.plugins import Registry
from pfd.store import FinalState, NewJob, Store, WorkerInfo, claims, jobs, listing, workers
from pfd.store.claim_filter import ClaimFilter

MAX_LOST = 3
WORKERS = ("one", "two")


@dataclass
class Model:
    """What is expected of one job."""

    id: str
    order: int
    priority: int
    params: dict[str, Any]
    key: str | None
    parents: tuple[str, ...]
    child_of: str | None = None
    state: State = State.PENDING
    run: Job | None = None
    owner: str | None = None
    attempt: int = 0
    lost: int = 0
    progress: float = 0.0
    cancel: bool = False
    history: list[State] = field(default_factory=lambda: [State.PENDING])

    def move(self, state: State) -> None:
        assert state in MOVES[self.state], f"{self.state} → {state}"
        self.state = state
        self.history.append(state)


class StoreMachine(RuleBasedStateMachine):
    """One example is one store."""

    make_store: Callable[[], Store]
    """Set for each kind of store by the test below."""

    runs = Bundle("runs")
    """Runs of jobs, present and past."""

    def __init__(self) -> None:
        super().__init__()
        self.store = type(self).make_store()
        self.models: dict[str, Model] = {}
        self.numbers: list[int] = []
        self.registered: dict[str, WorkerInfo] = {}
        self.ended: dict[str, Job] = {}

    def teardown(self) -> None:
        self.store.close()

    @initialize()
    def workers_begin(self) -> None:
        for name in WORKERS:
            self._register(name)

    # -- what clients do ------------------------------------------------------------------------------------------

    @rule(
        data=st.data(),
        a=st.integers(0, 1),
        key=st.none() | st.sampled_from(["k", "l"]),
        priority=st.integers(-1, 2),
        waits=st.integers(0, 2),
    )
    def submit(self, data: st.DataObject, a: int, key: str | None, priority: int, waits: int) -> None:
        known = list(self.models)  # in order of submission: ids are drawn anew each time
        after = tuple(data.draw(st.lists(st.sampled_from(known), max_size=waits, unique=True))) if known else ()
        new = NewJob("add", "default", {"a": a}, priority=priority, key=key, after=after)
        holder = next((m for m in self.models.values() if key and m.key == key and m.state not in ENDED), None)
        if holder is not None and holder.params != {"a": a}:
            with pytest.raises(KeyConflict), self.store.write() as connection:
                jobs.insert(connection, new)
            return
        with self.store.write() as connection:
            submitted = jobs.insert(connection, new)
        if holder is not None:
            assert (submitted.id, submitted.fresh) == (holder.id, False)
            return
        assert submitted.fresh
        model = Model(submitted.id, len(self.models), priority, {"a": a}, key, after)
        self.models[submitted.id] = model
        if any(self.models[parent].state in (State.FAILURE, State.REVOKED) for parent in after):
            self._end(model, State.REVOKED)

    @precondition(lambda self: self.models)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        model = self.models[data.draw(st.sampled_from(list(self.models)))]
        with self.store.write() as connection:
            jobs.cancel(connection, model.id)
        if model.state in QUEUED:
            self._end(model, State.REVOKED)
        elif model.state in RUNNING:
            model.cancel = True

    # -- what workers do ------------------------------------------------------------------------------------------

    @rule(target=runs, owner=st.sampled_from(WORKERS))
    def claim(self, owner: str) -> Any:
        wanted = ClaimFilter(owner, ("default",), ("add",))
        with self.store.write() as connection:
            job = claims.claim(connection, wanted, due_by=time.time() + 1e6)
        ready = [m for m in self.models.values() if m.state in QUEUED and self._waiting(m) == 0]
        expected = min(ready, key=lambda m: (-m.priority, m.order), default=None)
        if expected is None:
            assert job is None
            return multiple()
        assert job is not None
        assert job.id == expected.id
        assert job.claim is not None
        assert not self.numbers or job.claim > self.numbers[-1], "claim numbers only grow, and none comes twice"
        self.numbers.append(job.claim)
        expected.move(State.STARTED)
        expected.run, expected.owner, expected.progress = job, owner, 0.0
        expected.attempt += 1
        return job

    @rule(run=runs, fraction=st.floats(0.0, 1.0), more=st.booleans())
    def progress(self, run: Job, fraction: float, more: bool) -> None:
        model = self.models[run.id]
        fraction = max(fraction, model.progress) if more else model.progress  # a reporter never goes back
        if self._write(run, lambda c: claims.progress(c, run, fraction, "on its way", {})):
            model.move(State.PROGRESS)
            model.progress = fraction

    @rule(run=runs, wait=st.booleans())
    def submit_a_child(self, run: Job, wait: bool) -> None:
        """A run hands out work, which may wait for the child that it handed out before."""
        earlier = [m.id for m in self.models.values() if m.child_of == run.id]
        new = NewJob("add", "default", {"a": 0}, parent_id=run.id, after=tuple(earlier[-1:] if wait else ()))

        def write(connection: Any) -> None:
            claims.hold(connection, run.seq, run.claim or 0, run.id)
            jobs.insert(connection, new)

        if self._write(run, write):
            model = Model(new.id, len(self.models), 0, {"a": 0}, None, new.after, run.id)
            self.models[new.id] = model
            if any(self.models[parent].state in (State.FAILURE, State.REVOKED) for parent in new.after):
                self._end(model, State.REVOKED)

    @rule(run=runs, keep=st.booleans())
    def succeed(self, run: Job, keep: bool) -> None:
        ending = FinalState(State.SUCCESS, result='{"value":1}')
        if self._write(run, lambda c: claims.end(c, run, ending)):
            self._end(self.models[run.id], State.SUCCESS)
            self.models[run.id].progress = 1.0

    @rule(run=runs)
    def fail(self, run: Job) -> None:
        ending = FinalState(State.FAILURE, failure=JobFailure("ValueError", "wrong"))
        if self._write(run, lambda c: claims.end(c, run, ending)):
            self._end(self.models[run.id], State.FAILURE)

    @rule(run=runs, counted=st.booleans())
    def try_again(self, run: Job, counted: bool) -> None:
        if self._write(run, lambda c: claims.requeue(c, run, delay=5.0, outcome="again", counted=counted)):
            model = self.models[run.id]
            model.attempt -= not counted
            self._back(model)

    @rule(run=runs)
    def lose_the_process(self, run: Job) -> None:
        if self._write(run, lambda c: claims.lost(c, run, max_lost=MAX_LOST, reason="killed")):
            self._lose(self.models[run.id])

    @rule(name=st.sampled_from(WORKERS), lively=st.booleans())
    def lapse(self, name: str, lively: bool) -> None:
        """A sweeper gives a worker up, of which it has seen the counter; the worker may have moved it since."""
        info = self.registered[name]
        if lively:
            with self.store.write() as connection:
                assert workers.beat(connection, name)
        with self.store.write() as connection:
            taken = workers.lapse(connection, info, max_lost=MAX_LOST)
        if lively:
            assert taken is None
            self.registered[name] = self._seen(name)
            return
        held = [m for m in self.models.values() if m.state in RUNNING and m.owner == name]
        assert taken is not None
        assert set(taken.ids) == {m.id for m in held}
        for model in held:
            self._lose(model)
        with self.store.write() as connection:
            assert not workers.beat(connection, name)
        self._register(name)

    @rule(run=consumes(runs))
    def forget(self, run: Job) -> None:
        """A run that writes no more, for good."""

    # -- what always holds ----------------------------------------------------------------------------------------

    @invariant()
    def the_store_is_as_the_model(self) -> None:
        with self.store.read() as connection:
            found = {job.id: jobs.get(connection, job.id) for job in listing.listing(connection, limit=10_000)}
            orphans = workers.orphans(connection)
        assert set(found) == set(self.models)
        assert orphans == []
        for model in self.models.values():
            job = found[model.id]
            assert (job.state, job.attempt, job.lost, job.cancel_requested) == (
                model.state,
                model.attempt,
                model.lost,
                model.cancel,
            )
            assert job.progress == model.progress
            assert (job.ended_at is not None) == (model.state in ENDED)
            assert (job.result is not None) == (model.state is State.SUCCESS)
            assert (job.failure is not None) == (model.state in (State.FAILURE, State.REVOKED))
            if model.state in QUEUED:
                assert job.waiting == self._waiting(model)
                assert job.owner is None
            if model.state in RUNNING:
                assert job.claim == (model.run and model.run.claim)
                assert job.owner == model.owner
            if model.state in ENDED:
                # What has ended is never written again.
                assert self.ended.setdefault(model.id, job) == job

    # -- the model ------------------------------------------------------------------------------------------------

    def _write(self, run: Job, write: Callable[[Any], object]) -> bool:
        """Write as a run; whether it was accepted, which only the run may be that owns its job."""
        model = self.models[run.id]
        if model.state in RUNNING and model.run is not None and model.run.claim == run.claim:
            with self.store.write() as connection:
                write(connection)
            return True
        with pytest.raises(StaleClaim), self.store.write() as connection:
            write(connection)
        return False

    def _end(self, model: Model, state: State) -> None:
        model.move(state)
        if state is not State.SUCCESS:
            for below in self.models.values():
                child = below.child_of == model.id
                if below.state in QUEUED and (child or model.id in below.parents):
                    self._end(below, State.REVOKED)
                elif child and below.state in RUNNING:
                    below.cancel = True

    def _back(self, model: Model) -> None:
        model.move(State.RETRY)
        model.run = model.owner = None
        if model.cancel:
            self._end(model, State.REVOKED)

    def _lose(self, model: Model) -> None:
        if model.cancel:
            self._end(model, State.REVOKED)
            return
        model.lost += 1
        if model.lost == MAX_LOST:
            self._end(model, State.FAILURE)
        else:
            model.attempt -= 1
            self._back(model)

    def _waiting(self, model: Model) -> int:
        return sum(self.models[parent].state not in ENDED for parent in model.parents)

    def _register(self, name: str) -> None:
        now = time.time()
        info = WorkerInfo(name, name, "local", {"default": 1}, None, 0, now, now)
        with self.store.write() as connection:
            workers.register(connection, info)
        self.registered[name] = info

    def _seen(self, name: str) -> WorkerInfo:
        with self.store.read() as connection:
            return next(info for info in workers.live(connection) if info.id == name)


@pytest.fixture(params=KINDS)
def maker(
    request: pytest.FixtureRequest, tmp_path: Path, databases: Databases, registry: Registry
) -> Callable[[], Store]:
    """Makes empty stores: SQLite files one after the other, or one PostgreSQL database emptied each time."""
    count = iter(range(1_000_000))

    def make() -> Store:
        home = tmp_path / str(next(count))
        url = databases.emptied(request.param, home)
        if not url:
            databases.furnish(home)
        return Store(make_settings(home, url), registry.tables()).open()

    return make


@pytest.mark.slow("a hundred stores, of forty steps each")
def test_the_store_does_what_its_model_does(maker: Callable[[], Store], request: pytest.FixtureRequest) -> None:
    machine = type("Machine", (StoreMachine,), {"make_store": staticmethod(maker)})
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        machine,
        settings=hypothesis_settings(
            max_examples=60 if "sqlite" in request.node.name else 30,
            stateful_step_count=40,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.generate, Phase.shrink],
        ),
    )
