"""The owner: claims jobs for its slots, runs them, renews its lease, and writes how they ended."""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import logging
import os
import selectors
import socket
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from pfd.artifacts import ArtifactFolder
from pfd.errors import PfdError, PluginError, SettingsError, StaleClaim, StoreError
from pfd.execution.calling import Outcome, describe
from pfd.execution.inline import InlineRun
from pfd.execution.maintenance import Sweeper
from pfd.execution.processes import IsolatedRun, Processes
from pfd.execution.signals import ended
from pfd.hooks import JobEnd, JobEvent, JobStart
from pfd.job import ArtifactFile, Job, JobFailure, State
from pfd.plugins import Registry
from pfd.queue import Bell
from pfd.settings import Settings
from pfd.store import Ending, Store, Wanted, WorkerInfo, claims, jobs, workers
from pfd.submission import fill, referred
from pfd.task import Task

log = logging.getLogger("pfd.execution")

T = TypeVar("T")

ORDERS_INTERVAL = 0.5
"""Seconds between looks for a cancel that no bell announced, while something runs."""

PROGRESS_PATIENCE = 1.0
"""Seconds that a progress write may wait for a lock, such as one that the task's own session holds."""

Run = IsolatedRun | InlineRun


class Owner:
    """A worker's inside.

    Parameters
    ----------
    slots : for each queue (or several, comma-separated) how many jobs may run at once.
    session : where given, only jobs of that session are claimed.
    bell : how others ring; without it only the sweep finds work.
    """

    def __init__(
        self,
        settings: Settings,
        registry: Registry,
        store: Store,
        *,
        slots: Mapping[str, int],
        runtime: str = "local",
        session: str | None = None,
        bell: Bell | None = None,
    ) -> None:
        self.settings = settings
        self.registry = registry
        self.store = store
        self.slots = dict(slots)
        self.id = uuid.uuid4().hex
        self._runtime = runtime
        self._session = session
        self._bell = bell
        self._wake, self._wake_in = socket.socketpair()
        self._wake_in.setblocking(False)
        self._work = threading.Condition()
        self._rings = 0
        self._stopping = threading.Event()
        self._handing_back = False
        self._due_at: float | None = None
        self._running: dict[int, tuple[int, Run]] = {}
        self._held: dict[int, int] = {}
        self._unheld: set[tuple[int, int]] = set()
        self._running_lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._processes = Processes(settings, sum(slots.values()))
        self._sweeper = Sweeper(store, settings, self.id)
        self._tasks = tuple(name for name, task in registry.tasks.items() if _loadable(task))
        queues = sorted({queue for names in slots for queue in names.split(",")})
        self._wanted = Wanted(self.id, tuple(queues), self._tasks, session)

    # -- life ---------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Register and begin to claim.

        Raises
        ------
        SettingsError : PFD_HOME is not writable, or belongs to another store.
        StoreError : the store cannot be reached.
        """
        self.store.bind_home()
        self._register()
        self._spawn(self._watch, "pfd-watch")
        for names, number in self.slots.items():
            wanted = replace(self._wanted, queues=tuple(names.split(",")))
            for index in range(number):
                self._spawn(functools.partial(self._serve, wanted), f"pfd-slot-{names}-{index}")

    def _spawn(self, target: Callable[[], None], name: str) -> None:
        thread = threading.Thread(target=target, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _register(self) -> None:
        now = time.time()
        name = f"{socket.gethostname()}:{os.getpid()}"
        info = WorkerInfo(self.id, name, self._runtime, self.slots, self._session, 0, now, now)
        with self.store.write() as connection:
            workers.register(connection, info)

    def claim_no_more(self) -> None:
        """Run what is held to its end, and nothing else."""
        self._stopping.set()
        self._rouse()

    def stop(self, patience: float | None = None) -> None:
        """Claim no more, wait up to `patience` seconds for running jobs, hand the rest back as RETRY."""
        self.claim_no_more()
        deadline = None if patience is None else time.monotonic() + patience
        slots = [thread for thread in self._threads if thread.name.startswith("pfd-slot")]
        for thread in slots:
            thread.join(None if deadline is None else max(0.0, deadline - time.monotonic()))
        if any(thread.is_alive() for thread in slots):
            self._handing_back = True
            for _, run in self._current():
                run.stop("cancel")
            for thread in slots:
                thread.join(self.settings.grace + 5.0)
        watch = [thread for thread in self._threads if thread not in slots]
        self._threads = []
        self._rouse()
        for thread in watch:
            thread.join(self.settings.grace + 5.0)
        with contextlib.suppress(StoreError), self.store.write() as connection:
            workers.leave(connection, self.id)
        self._processes.close()
        if not any(thread.is_alive() for thread in watch):
            self._wake.close()
            self._wake_in.close()

    @property
    def busy(self) -> int:
        """How many jobs are held: running, or being ended."""
        return len(self._held)

    def ring(self) -> None:
        """Wake a slot: there may be something to claim.  Where slots differ in queues, wake all of them."""
        with self._work:
            self._rings += 1
            if len(self.slots) > 1:
                self._work.notify_all()
            else:
                self._work.notify()

    def _rouse(self) -> None:
        with self._work:
            self._rings += 1
            self._work.notify_all()
        with contextlib.suppress(OSError):
            self._wake_in.send(b"!")

    # -- slots --------------------------------------------------------------------------------------------------

    def _serve(self, wanted: Wanted) -> None:
        job: Job | None = None
        while not self._stopping.is_set():
            seen = self._rings
            if job is None:
                job = self._claim(wanted)
            if job is None:
                self._look_ahead(wanted)
                with self._work:
                    if self._rings == seen and not self._stopping.is_set():
                        self._work.wait()
                continue
            if len(self._threads) > 2:  # the watch and more than one slot: where there was one job there may be another
                self.ring()
            running, job = job, None
            try:
                job = self._holding(running, inline=False, wanted=wanted)
            except Exception:  # the job is found again by the sweep; the slot lives on
                log.exception("job %s could not be ended", running.id)
        if job is not None:
            unstarted = job
            self._write(lambda: self._return_unstarted(unstarted))

    def _claim(self, wanted: Wanted) -> Job | None:
        try:
            with self.store.write() as connection:
                return self.claim(connection, wanted)
        except StoreError as error:
            log.warning("nothing can be claimed: %s", error)
        except Exception:  # a slot that died in silence would leave a worker that lives and does nothing
            log.exception("nothing can be claimed")
        self._stopping.wait(1.0)
        return None

    def claim(self, connection: Any, wanted: Wanted, *, due_by: float | None = None) -> Job | None:
        """Take the next job, references to other results filled in; one whose references lead nowhere fails."""
        while (job := claims.claim(connection, wanted, due_by=due_by)) is not None:
            if (ready := self._prepared(connection, job)) is not None:
                return ready
        return None

    def _prepared(self, connection: Any, job: Job) -> Job | None:
        if not (ids := referred(job.params)):
            return job
        try:
            results = {ref: jobs.get(connection, ref).result for ref in ids}
            return replace(job, params=fill(job.params, results))
        except PfdError as error:
            claims.end(connection, job, Ending(State.FAILURE, failure=describe(error)))
            return None

    def run_one(self, job: Job) -> None:
        """Run a job that the caller has claimed for this owner, in this thread and interpreter."""
        self._holding(job, inline=True, wanted=None)

    def _holding(self, job: Job, *, inline: bool, wanted: Wanted | None) -> Job | None:
        with self._running_lock:
            self._held[job.seq] = job.claim or 0
        try:
            return self._execute(job, inline=inline, wanted=wanted)
        finally:
            with self._running_lock:
                if self._held.get(job.seq) == job.claim:
                    del self._held[job.seq]

    def _execute(self, job: Job, *, inline: bool, wanted: Wanted | None) -> Job | None:
        began = time.monotonic()
        try:
            task = self.registry.task(job.task)
        except PfdError as error:
            return self._finish(job, None, Outcome("failed", failure=describe(error)), began, wanted)
        log.info("%s %s begins, attempt %d", job.task, job.id[:8], job.attempt)
        self._announce(job, "claimed")
        self.registry.notify("pfd_before_job", start=JobStart(job, task, self.settings))
        try:
            run = self._make_run(job, task, inline=inline)
            with self._running_lock:
                self._running[job.seq] = (job.claim or 0, run)
            if isinstance(run, IsolatedRun):
                self._wake_watch()  # from now on it looks for orders more often; an inline job is over before that
            outcome = run.run()
        except Exception as error:  # whatever it is, the job is told and the slot lives on
            log.exception("job %s could not be run", job.id)
            outcome = Outcome("failed", failure=describe(error))
        except BaseException:  # Ctrl-C in a job that runs in its caller
            self._interrupted(job)
            raise
        finally:
            with self._running_lock:
                self._running.pop(job.seq, None)
        return self._finish(job, task, outcome, began, wanted)

    def _interrupted(self, job: Job) -> None:
        failure = JobFailure("JobCancelled", "its caller was interrupted while it ran")
        with contextlib.suppress(PfdError), self.store.write() as connection:
            claims.end(connection, job, Ending(State.REVOKED, failure=failure))

    def _make_run(self, job: Job, task: Task, *, inline: bool) -> Run:
        def on_progress(fraction: float, status: str, meta: dict[str, Any]) -> None:
            try:
                # Not for long: this thread is also the one that enforces limits and passes on a cancel.
                with self.store.write(patience=PROGRESS_PATIENCE) as connection:
                    claims.progress(connection, job, fraction, status, meta)
            except StoreError as error:
                log.warning("progress of job %s is not stored: %s", job.id, error)

        if inline or task.isolation == "inline":
            return InlineRun(self.store, self.registry, self.settings, job, task, on_progress)
        return IsolatedRun(self._processes, self.settings, job, task, on_progress)

    # -- ends ---------------------------------------------------------------------------------------------------

    def _finish(self, job: Job, task: Task | None, outcome: Outcome, began: float, wanted: Wanted | None) -> Job | None:
        """Write how a run ended and, in the same transaction, claim the next job for this slot."""
        artifacts: tuple[ArtifactFile, ...] = ()
        try:
            if outcome.kind == "done":
                artifacts = ArtifactFolder(self.settings.home, job.id, job.claim or 0).listing()
        except OSError as error:
            outcome = replace(outcome, kind="failed", failure=describe(error))

        def write() -> tuple[str, Job | None]:
            with self.store.write() as connection:
                kind = self._settle(connection, job, task, outcome, artifacts)
                if wanted is None or self._stopping.is_set():
                    return kind, None
                return kind, self.claim(connection, wanted)

        try:
            kind, following = self._write(write)
        except StaleClaim as error:
            log.warning("%s; what it did is not kept", error)
            return None
        ended.announce()
        seconds = time.monotonic() - began
        reason = f": {outcome.failure.message.partition(chr(10))[0]}" if outcome.failure and kind != "success" else ""
        log.info("%s %s: %s after %.2f s%s", job.task, job.id[:8], kind, seconds, reason)
        self._tell(job, task, kind, seconds)
        return following

    def _settle(
        self, connection: Any, job: Job, task: Task | None, outcome: Outcome, artifacts: tuple[ArtifactFile, ...]
    ) -> str:
        fraction, status, last_meta = outcome.last or (None, None, None)
        meta = None if last_meta is None else dict(last_meta)
        ending = Ending(
            State.SUCCESS,
            outcome.result,
            outcome.failure,
            artifacts,
            fraction,
            status,
            meta,
        )
        if outcome.kind == "done":
            claims.end(connection, job, ending)
            return "success"
        if outcome.kind == "stale":
            raise StaleClaim(f"job {job.id} is no longer this run's (claim {job.claim})")
        if outcome.kind == "lost":
            reason = outcome.failure.message if outcome.failure else "lost"
            state = claims.lost(connection, job, max_lost=self.settings.max_lost, reason=reason)
            return "lost" if state is State.RETRY else state.lower()
        if outcome.kind == "stopped":
            return self._settle_stopped(connection, job, outcome, ending)
        failure = outcome.failure
        if outcome.retry and task is not None and job.attempt < task.max_attempts:
            delay = claims.backoff(job.attempt, task.backoff, task.backoff_max)
            message = failure.message if failure else ""
            state = claims.again(connection, job, delay=delay, outcome=f"attempt {job.attempt} failed: {message}")
            return "retry" if state is State.RETRY else state.lower()
        claims.end(connection, job, replace(ending, state=State.FAILURE))
        return "failure"

    def _settle_stopped(self, connection: Any, job: Job, outcome: Outcome, ending: Ending) -> str:
        reason = outcome.failure.message if outcome.failure else "cancel"
        if reason == "time limit":
            failure = JobFailure(
                "TimeLimitExceeded",
                f"{job.task} ran longer than its time limit",
                hint=("give it longer with time_limit, or less to do"),
            )
            claims.end(connection, job, replace(ending, state=State.FAILURE, failure=failure))
            return "failure"
        asked = claims.orders(connection, self.id).get(job.seq, (0, False))[1]
        if self._handing_back and not asked:
            claims.again(connection, job, delay=0.0, outcome="handed back: its worker stopped", counted=False)
            return "retry"
        failure = JobFailure("JobCancelled", "cancelled while it ran")
        claims.end(connection, job, replace(ending, state=State.REVOKED, failure=failure))
        return "revoked"

    def _return_unstarted(self, job: Job) -> None:
        with self.store.write() as connection:
            claims.again(connection, job, delay=0.0, outcome="handed back: its worker stopped", counted=False)

    def _write(self, write: Callable[[], T]) -> T:
        """Write, however long the store takes to come back: what a job has done is not thrown away."""
        pause = 0.2
        while True:
            try:
                return write()
            except StoreError as error:
                log.warning("the end of a job is not stored yet: %s", error)
                time.sleep(pause)
                pause = min(5.0, pause * 2)

    def _announce(self, job: Job, kind: str) -> None:
        self.registry.notify("pfd_job_event", event=JobEvent(kind, job.id, job.task, job.queue))

    def _tell(self, job: Job, task: Task | None, kind: str, seconds: float) -> None:
        self._announce(job, kind)
        if task is not None and kind in ("success", "failure", "revoked") and self.registry.listens("pfd_after_job"):
            with contextlib.suppress(StoreError):
                with self.store.read() as connection:
                    stored = jobs.get(connection, job.id)
                self.registry.notify("pfd_after_job", end=JobEnd(stored, task, self.settings, seconds))

    # -- watch --------------------------------------------------------------------------------------------------

    def _wake_watch(self) -> None:
        with contextlib.suppress(OSError):
            self._wake_in.send(b"!")

    def _current(self) -> list[tuple[int, Run]]:
        with self._running_lock:
            return list(self._running.values())

    def _watch(self) -> None:
        """Renew the lease, pass on orders, sweep.  Ends when the worker has stopped and nothing runs."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._wake, selectors.EVENT_READ)
            if self._bell is not None:
                selector.register(self._bell, selectors.EVENT_READ)
            self._watch_until_stopped(selector)

    def _watch_until_stopped(self, selector: selectors.BaseSelector) -> None:
        beat_every = min(self.settings.lease / 4, self.settings.sweep * 2)
        next_beat = next_sweep = 0.0
        while not (self._stopping.is_set() and not self._running and not self._threads):
            now = time.monotonic()
            try:
                if now >= next_beat:
                    next_beat = now + beat_every
                    self._beat()
                if self._running:
                    self._pass_orders()
                if now >= next_sweep:
                    next_sweep = now + self.settings.sweep
                    self._sweep()
            except StoreError as error:
                log.warning("the store does not answer: %s", error)
                self._sweeper.forget()
            except Exception:  # without the watch the worker would be taken for lost
                log.exception("the watch stumbled")
                self._sweeper.forget()
            if self._due_at is not None and self._due_at <= time.time():
                self._due_at = None
                self.ring()
            pause = min(next_beat, next_sweep) - time.monotonic()
            if self._due_at is not None:
                pause = min(pause, self._due_at - time.time())
            self._listen(selector, max(0.0, min(pause, ORDERS_INTERVAL) if self._running else pause))

    def _listen(self, selector: selectors.BaseSelector, timeout: float) -> None:
        for key, _ in selector.select(timeout):
            if key.fileobj is self._wake:
                self._wake.recv(4096)
            elif self._bell is not None:
                self._bell.drain()
                self.ring()

    def _beat(self) -> None:
        with self.store.write() as connection:
            alive = workers.beat(connection, self.id)
        if not alive and not self._stopping.is_set():
            # Others gave this worker up, and its jobs with it.  It begins again; which of its runs still have their
            # job, some claimed since, is for the orders to say.
            log.warning("this worker was taken for lost")
            self._register()

    def _pass_orders(self) -> None:
        # Looked at before the store is: a job claimed in between is among the orders and not yet among these.
        with self._running_lock:
            current = dict(self._running)
        with self.store.read() as connection:
            orders = claims.orders(connection, self.id)
        for seq, (number, run) in current.items():
            claim_number, cancel = orders.get(seq, (None, False))
            if claim_number != number:
                run.stop("stale")  # another's by now; or ended, and then nobody listens any more
            elif cancel:
                run.stop("cancel")

    def _reconcile(self) -> None:
        """Give up jobs that the store says run here and that no slot holds.

        They come of a commit whose answer was lost.  A job is given up only at the second look, since a slot may have
        claimed it a moment before the first.
        """
        with self.store.read() as connection:
            mine = claims.owned(connection, self.id)
        with self._running_lock:
            unheld = {(job.seq, job.claim or 0) for job in mine if self._held.get(job.seq) != job.claim}
        again = [job for job in mine if (job.seq, job.claim or 0) in unheld & self._unheld]
        self._unheld = unheld
        for job in again:
            log.warning("job %s was lost track of", job.id)
            with contextlib.suppress(StaleClaim), self.store.write() as connection:
                claims.lost(connection, job, max_lost=self.settings.max_lost, reason="its worker lost track of it")

    def _sweep(self) -> None:
        self._reconcile()
        self._sweeper.sweep()
        if self._wanted.queues and not self._stopping.is_set():
            self._look_ahead(self._wanted, sweeping=True)

    def _look_ahead(self, wanted: Wanted, *, sweeping: bool = False) -> None:
        """Note when the next job falls due, and have the watch wake up for it."""
        try:
            with self.store.read() as connection:
                due = claims.next_due(connection, wanted)
        except StoreError:
            return  # the sweep will say so
        if due is None:
            return
        if due <= time.time():
            if sweeping:
                self.ring()
        elif self._due_at is None or due < self._due_at:
            self._due_at = due
            self._wake_watch()


def _loadable(task: Task) -> bool:
    """Whether the module of a task can be found here, without importing anything heavy."""
    module = task.run.partition(":")[0]
    try:
        return importlib.util.find_spec(module) is not None
    except (ImportError, ValueError, PluginError):
        return False


def worker_slots(queues: tuple[str, ...], concurrency: int) -> dict[str, int]:
    """Slots that serve any of the queues."""
    if concurrency < 1:
        raise SettingsError(f"{concurrency} slots: a worker needs at least one")
    return {",".join(queues): concurrency}
