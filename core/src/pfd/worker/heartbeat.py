"""A worker's watch: renews its lease, passes orders on to what runs, sweeps, and hears wakeups."""

from __future__ import annotations

import contextlib
import logging
import selectors
import time
from collections.abc import Callable
from dataclasses import replace

from pfd.app import App
from pfd.errors import StopReason, StoreError, StoreReplaced
from pfd.events import publish_reclaimed, settle_the_rest
from pfd.notify import WakeupListener
from pfd.retention import SLICE, Pruner
from pfd.schedules.scheduler import Scheduler
from pfd.store import WorkerInfo, claims, next_job, workers
from pfd.store.claim_filter import ClaimFilter
from pfd.store.workers import Reclaimed
from pfd.threads import LastingThread
from pfd.vitals import Alarm, Vitals
from pfd.waker import Waker
from pfd.worker.running_jobs import RunningJobs
from pfd.worker.sweep_hooks import SweepHooks
from pfd.worker.sweeper import Sweeper

log = logging.getLogger("pfd.worker")

GONE = 60.0
"""Seconds after which a store whose file is not there is taken to have been removed; until then it may be put back.

Another one in its place is taken for that after a lease: a backup may be on its way back there.
"""

ORDERS_INTERVAL = 0.5
"""Seconds between looks for a cancel that no wakeup announced, while something runs."""


class Heartbeat:
    """One thread, outside the interpreter of any isolated task: a task in C code does not look dead.

    Parameters
    ----------
    info : the row that this worker shows itself with.
    wanted : what this worker claims.
    wake : wakes its slots.
    listener : hears when others wake this worker; without it only the sweep finds work.
    alarm : which threads of this worker are down.
    on_replaced : called, in this thread, once the store has been removed, or is another one.
    """

    def __init__(
        self,
        app: App,
        info: WorkerInfo,
        running_jobs: RunningJobs,
        wanted: tuple[ClaimFilter, ...],
        wake: Callable[[], None],
        listener: WakeupListener | None,
        alarm: Alarm,
        on_replaced: Callable[[StoreReplaced], None],
    ) -> None:
        self._app = app
        self._store = app.store
        self._settings = app.settings
        self._info = info
        self._running_jobs = running_jobs
        self._wanted = wanted
        self._wake_slots = wake
        self._listener = listener
        self.vitals = Vitals(info, running_jobs.__len__, alarm, app.store.answers)
        self._sweeper = Sweeper(app.store, app.settings, info.id)
        self._pruner = Pruner(app.store, app.settings)
        # What a caller runs by itself is not a worker, and comes and goes with its own jobs.
        self._scheduler = Scheduler(app) if info.serves_all else None
        self._hooks = SweepHooks(app, info, alarm)
        self._waker = Waker()
        self._due_at: float | None = None
        self._unheld: set[tuple[int, int]] = set()
        self._stopping = False
        self._claims_no_more = False
        self._on_replaced = on_replaced
        self._gone: tuple[bool, float] | None = None  # whether another one lies there, and since when
        self._thread = LastingThread("pfd-watch", self._run, self.vitals.alarm)

    def start(self, metrics: str | None = None) -> None:
        """Register the worker, and where it serves metrics, and begin.

        Raises `StoreError` where the store cannot be written.
        """
        self._info = replace(self._info, metrics=metrics)
        self._register()
        self._thread.start()

    def wake(self) -> None:
        """Look now: something runs from here on, or the watch is to stop."""
        self._waker.wake()

    def claim_no_more(self) -> None:
        self._claims_no_more = self.vitals.stopping = True

    def stop(self, patience: float) -> None:
        """End the watch, and take the worker's row away: from here on its jobs count as left behind."""
        self._stopping = True
        self.wake()
        if self._thread.ident is not None:
            self._thread.join(patience)
        self._hooks.stop(patience)
        with contextlib.suppress(StoreError), self._store.write() as connection:
            workers.leave(connection, self._info.id)
        if not self._thread.is_alive():
            self._waker.close()

    def look_ahead(self, wanted: ClaimFilter, *, sweeping: bool = False) -> None:
        """Note when the next job falls due, and wake up for it."""
        try:
            with self._store.read() as connection:
                due = next_job.next_due(connection, wanted)
        except StoreError:
            return  # the sweep will say so
        if due is None:
            return
        if due <= time.time():
            if sweeping:
                self._wake_slots()
        elif self._due_at is None or due < self._due_at:
            self._due_at = due
            self.wake()

    # -- the thread ---------------------------------------------------------------------------------------------

    def _register(self) -> None:
        with self._store.write() as connection:
            workers.register(connection, self._info)
        self.vitals.renewed()

    def _run(self) -> None:
        self.vitals.watching = True
        try:
            with selectors.DefaultSelector() as selector:
                selector.register(self._waker, selectors.EVENT_READ)
                if self._listener is not None:
                    selector.register(self._listener, selectors.EVENT_READ)
                self._look(selector)
        finally:
            self.vitals.watching = False

    def _look(self, selector: selectors.BaseSelector) -> None:
        # Often enough that a worker which looks at others has itself shown life since they did.
        beat_every = min(self._settings.lease / 4, self._settings.sweep * 2)
        next_beat = next_sweep = 0.0
        while not self._stopping:
            self.vitals.looked()
            now = time.monotonic()
            busy = len(self._running_jobs) > 0
            try:
                if now >= next_beat:
                    next_beat = now + beat_every
                    self._beat()
                if busy:
                    self._pass_orders()
                if now >= next_sweep:
                    next_sweep = now + self._settings.sweep
                    self._sweep()
            except StoreError as error:
                log.warning("the store does not answer: %s", error)
                self._sweeper.forget()
                next_sweep = now + self._settings.sweep  # it may have answered at once, and so would the next time
                self._look_whether_it_lasts(error)
            except Exception:  # without the watch the worker would be taken for lost
                log.exception("heartbeat loop failed")
                self._sweeper.forget()
            if self._due_at is not None and self._due_at <= time.time():
                self._due_at = None
                self._wake_slots()
            pause = min(next_beat, next_sweep) - time.monotonic()
            if self._due_at is not None:
                pause = min(pause, self._due_at - time.time())
            self._listen(selector, max(0.0, min(pause, ORDERS_INTERVAL) if busy else pause))

    def _listen(self, selector: selectors.BaseSelector, timeout: float) -> None:
        for key, _ in selector.select(timeout):
            if key.fileobj is self._waker:
                self._waker.drain()
            elif self._listener is not None:
                self._listener.drain()
                self._wake_slots()

    def _beat(self) -> None:
        with self._store.write() as connection:
            alive = workers.beat(connection, self._info.id)
        if alive:
            self.vitals.renewed()
        elif not self._stopping:
            self.vitals.leases_lost += 1
            # Others gave this worker up, and its jobs with it.  It begins again; which of its runs still have their
            # job, some claimed since, is for the orders to say.
            log.warning("others took this worker for lost; it registers again")
            self._store.check_identity()  # nobody has taken it for lost where it was never known
            self._register()

    def _pass_orders(self) -> None:
        # Looked at before the store is: a job claimed in between is among the orders and not yet among these.
        current = self._running_jobs.runs()
        if not current:
            return
        with self._store.read() as connection:
            orders = claims.orders(connection, self._info.id)
        for seq, (number, run) in current.items():
            claim_number, cancel = orders.get(seq, (None, False))
            if claim_number != number:
                run.stop(StopReason.STALE)  # another's by now; or ended, and then nobody listens any more
            elif cancel:
                run.stop(StopReason.CANCEL)

    def _reconcile(self) -> Reclaimed:
        """Give up jobs that the store says run here and that no slot holds; what became of them.

        They come of a commit whose answer was lost.  A job is given up only at the second look, since a slot may have
        claimed it a moment before the first.
        """
        with self._store.read() as connection:
            mine = claims.owned(connection, self._info.id)
        unheld = self._running_jobs.unheld(mine)
        again = [job for job in mine if (job.seq, job.claim or 0) in unheld & self._unheld]
        self._unheld = unheld
        back = Reclaimed()
        for job in again:
            log.warning("job %s has no slot here, requeued", job.id)
            with self._store.write() as connection:
                reason = "its worker lost track of it"
                back += workers.reclaim(connection, [job], max_lost=self._settings.max_lost, reason=reason)
        return back

    def _look_whether_it_lasts(self, error: StoreError) -> None:
        """Have this worker end where waiting leads to nothing: nobody would look for jobs in the store that it had."""
        replaced = isinstance(error, StoreReplaced) and error.certain
        if not (isinstance(error, StoreReplaced) or self._store.is_missing()):
            self._gone = None
            return
        if self._gone is None or self._gone[0] != replaced:  # a backup may be on its way back into the place
            self._gone = replaced, time.monotonic()
        if time.monotonic() - self._gone[1] >= (self._settings.lease if replaced else GONE):
            self._on_replaced(error if isinstance(error, StoreReplaced) else StoreReplaced(str(error), hint=error.hint))

    def _sweep(self) -> None:
        self._store.check_identity()
        self._gone = None
        back = self._reconcile() + self._sweeper.sweep()
        publish_reclaimed(self._app, back)
        settle_the_rest(self._app, seconds=SLICE)
        self._pruner.tick()
        if not self._claims_no_more:
            if self._scheduler is not None:
                self._scheduler.tick()
            for wanted in self._wanted:
                self.look_ahead(wanted, sweeping=True)
        self._hooks.tick()
