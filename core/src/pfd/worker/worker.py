"""A worker: claims jobs for its slots, has them run, and has their ends written."""

from __future__ import annotations

import functools
import importlib.util
import logging
import os
import socket
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from pfd.app import App
from pfd.errors import (
    PfdError,
    PluginError,
    SettingsError,
    StopReason,
    StoreReplaced,
)
from pfd.events import publish
from pfd.hooks import EventKind, JobStart
from pfd.job import Job
from pfd.lifecycle import WorkerStart, WorkerStop
from pfd.notify import Wakeup, WakeupListener
from pfd.runner import native, shortage
from pfd.runner.call import Outcome, OutcomeKind, describe
from pfd.runner.inline import InlineRun
from pfd.runner.isolated import IsolatedRun
from pfd.runner.shortage import Shortage
from pfd.runner.spawner import Processes
from pfd.store import WorkerInfo, reading
from pfd.store.claim_filter import ClaimFilter
from pfd.submission.submit import notify_workers
from pfd.task import Task
from pfd.threads import LastingThread
from pfd.vitals import Alarm
from pfd.worker.claimer import Claimer
from pfd.worker.coordinators import Coordinators
from pfd.worker.finish import Finisher, log_fields
from pfd.worker.gpu import devices
from pfd.worker.gpu.device_lock import DeviceLock
from pfd.worker.gpu.slots import GpuSlots
from pfd.worker.heartbeat import Heartbeat
from pfd.worker.liveness_lock import LivenessLock
from pfd.worker.progress import ProgressWriter, Report
from pfd.worker.running_jobs import Run, RunningJobs
from pfd.worker.share import Share
from pfd.worker.slots import IdleSlots

log = logging.getLogger("pfd.worker")

START_PATIENCE, STOP_PATIENCE = 60.0, 10.0
"""Seconds that a plugin may take for its part of the start and of the stop of a worker."""

DESCRIPTORS = 16
"""Open files that a running job may need in its worker."""


class Worker:
    """A worker.

    Parameters
    ----------
    slots : for each queue (or several, comma-separated) how many jobs may run at once.
    client_id : where given, only jobs that this client has submitted are claimed.
    app : whose runtime wakes other workers, for what is submitted or let go by a job here.
    listener : hears when others wake this worker; without it only the sweep finds work.
    on_idle : called whenever a slot has found nothing to do.
    alarm : hears of threads of this worker that die; one of its own where left out.
    on_replaced : called, from any thread, when the store has been removed or is another one: nothing can be served.
    """

    def __init__(
        self,
        app: App,
        *,
        slots: Mapping[str, int],
        client_id: str | None = None,
        listener: WakeupListener | None = None,
        on_idle: Callable[[], None] = lambda: None,
        alarm: Alarm | None = None,
        on_replaced: Callable[[StoreReplaced], None] = lambda _: None,
    ) -> None:
        self.app = app
        self.settings, self.registry, self.store = app.settings, app.registry, app.store
        self.name = app.runtime.name
        self.slots = dict(slots)
        self.id = uuid.uuid4().hex
        self._alarm = alarm or Alarm()
        self.idle = IdleSlots(slots, on_idle)
        self._stopping = threading.Event()
        self._liveness_lock: LivenessLock | None = None
        self._running_jobs = RunningJobs()
        self._threads: list[threading.Thread] = []
        self._progress = ProgressWriter(app.store, self._alarm)
        loadable = [task for task in app.registry.tasks.values() if _loadable(task)]
        queues = tuple(sorted({queue for names in slots for queue in names.split(",")}))
        self._wanted = ClaimFilter(self.id, queues, tuple(t.name for t in loadable if not t.coordinator), client_id)
        self._shortage = Shortage()
        # Without slots it is the caller that goes on with what was let go.
        self.finisher = Finisher(app, self._shortage, self.notify if self.slots else lambda _: None)
        self.claimer = Claimer(app, self.finisher, self._shortage, self._stopping)
        waiting = tuple(task.name for task in loadable if task.coordinator)
        self._coordinators: Coordinators | None = None
        wanted = [self._wanted]
        if waiting and queues:
            wanted.append(replace(self._wanted, tasks=waiting, coordinators=True))
            self._coordinators = Coordinators(
                wanted[-1], self.claimer.take_coordinator, self._run_beside, self._refuse, self._alarm
            )
        places = devices.places_for(app.settings, loadable) if queues else []
        self.gpus = devices.counts(places)
        wanted += [replace(self._wanted, gpu=True)] if places else []
        self._gpu_slots = GpuSlots(places, app.settings.home, wanted[-1], self.claimer, self._run_beside, self._alarm)
        now = time.time()
        name = f"{socket.gethostname()}:{os.getpid()}"
        lease = app.settings.lease
        info = WorkerInfo(self.id, name, self.name, self.slots, client_id, 0, now, now, self.gpus, lease=lease)
        self._processes = Processes(app.settings, Share(app.settings, app.store, info))
        self._heartbeat = Heartbeat(
            replace(app, runtime=self),  # what a schedule submits wakes this worker first
            info,
            self._running_jobs,
            tuple(wanted),
            self.wake,
            listener,
            self._alarm,
            on_replaced,
        )
        self._heartbeat.vitals.short_of = self._shortage.told
        self._announced = False

    # -- life ---------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Register and begin to claim.

        Raises
        ------
        SettingsError : PFD_HOME is not writable, or belongs to another store; more slots than files may be open; a
            plugin refuses, or none serves the metrics that the settings ask for.
        StoreError : the store cannot be reached.
        """
        self._require_descriptors(0)
        self.store.bind_home()
        self._liveness_lock = LivenessLock(self.id, self.settings.home)
        self._heartbeat.start(metrics=self._announce())
        if self._coordinators is not None:
            self._coordinators.start()
        self._gpu_slots.start()
        for names, number in self.slots.items():
            wanted = replace(self._wanted, queues=tuple(names.split(",")))
            for index in range(number):
                name = f"pfd-slot-{names}-{index}"
                thread = LastingThread(name, functools.partial(self._serve, wanted), self._alarm)
                self._threads.append(thread)
                thread.start()

    def _require_descriptors(self, others: int) -> None:
        """Have so many files allowed to be open as the slots may need, and so many others."""
        slots = sum(self.slots.values()) + len(self._gpu_slots)
        needed = 64 + DESCRIPTORS * slots + others
        if (allowed := native.allow_descriptors(needed)) < needed:
            plugins = f" and plugins ({others})" if others else ""
            raise SettingsError(
                f"{slots} slots{plugins} may need {needed} open files, and this process may have {allowed}",
                hint="use fewer slots, or raise the limit ('ulimit -n', LimitNOFILE= of a service)",
            )

    def _announce(self) -> str | None:
        """Tell plugins that this worker begins; where one of them serves its metrics."""
        vitals = self._heartbeat.vitals
        read_store = functools.partial(reading.read, self.store)
        start = WorkerStart(vitals.info, vitals, self.settings, self.registry.tasks, read_store, self.registry)
        self._announced = True
        self.registry.consult("pfd_worker_start", patience=START_PATIENCE, start=start)
        if self.settings.metrics and start.worker.serves_all and start.metrics is None:
            raise self.registry.unserved("metrics")
        self._require_descriptors(start.descriptors)
        return start.metrics

    def claim_no_more(self) -> None:
        """Run what runs to its end, and nothing else: what was claimed and has not begun is put back."""
        self._stopping.set()
        self._heartbeat.claim_no_more()
        if self._coordinators is not None:
            self._coordinators.claim_no_more()
        self._gpu_slots.claim_no_more()
        self.idle.stop()

    def stop(self, patience: float | None = None) -> None:
        """Claim no more, wait up to `patience` seconds for running jobs, hand the rest back as RETRY."""
        self.claim_no_more()
        deadline = None if patience is None else time.monotonic() + patience
        if self._join(deadline):
            # Set first: a run that begins now looks at it once it can be stopped.
            self.finisher.requeueing = True
            for _, run in self._running_jobs.runs().values():
                run.stop(StopReason.CANCEL)
            self._join(time.monotonic() + self.settings.grace + 5.0)
        self._threads = []
        self._progress.close()
        self._heartbeat.stop(self.settings.grace + 5.0)
        if self._liveness_lock is not None:
            self._liveness_lock.close()
        self._processes.close()
        if self._announced:
            self._announced = False
            stop = WorkerStop(self._heartbeat.vitals.info, self.settings)
            self.registry.notify("pfd_worker_stop", patience=STOP_PATIENCE, stop=stop)

    def _join(self, deadline: float | None) -> bool:
        """Wait for all that runs; whether something still does at the deadline."""
        threads = [*self._threads, *(self._coordinators.threads() if self._coordinators else [])]
        threads += self._gpu_slots.threads()
        for thread in threads:
            thread.join(None if deadline is None else max(0.0, deadline - time.monotonic()))
        return any(thread.is_alive() for thread in threads)

    @property
    def busy(self) -> int:
        """How many jobs are held: running, or being ended."""
        return len(self._running_jobs)

    def wake(self) -> None:
        """Wake a slot: there may be something to claim."""
        self.idle.wake()
        if self._coordinators is not None:
            self._coordinators.wake()
        self._gpu_slots.wake()

    def notify(self, wakeup: Wakeup) -> None:
        """Wake the slots of this worker, whatever becomes of the notification, and other workers."""
        self.wake()
        notify_workers(self.app.runtime, wakeup)

    def check_now(self) -> None:
        """See at once what is to be stopped and what can be claimed."""
        self._heartbeat.wake()
        self.wake()

    def offer(self, queue: str) -> bool:
        """Wake a slot that serves `queue`; False where none is free."""
        if self._coordinators is not None:
            self._coordinators.wake()
        self._gpu_slots.wake()
        return self.idle.offer(queue)

    # -- slots --------------------------------------------------------------------------------------------------

    def _serve(self, wanted: ClaimFilter) -> None:
        job: Job | None = None
        while job is not None or not self._stopping.is_set():
            seen = self.idle.wakeups
            if job is None:
                job = self.claimer.take(wanted)
            if job is None:
                self._heartbeat.look_ahead(wanted)
                self.idle.wait(",".join(wanted.queues), seen)
                continue
            if len(self._threads) > 1:  # where there was one job there may be another
                self.wake()
            running, job = job, None
            try:
                job = self._hold(running, wanted=wanted)
            except Exception:  # the job is found again by the sweep; the slot lives on
                log.exception("job %s could not be ended", running.id)

    def _run_beside(self, job: Job, device_lock: DeviceLock | None = None) -> None:
        """Run a job that takes none of `slots`: a coordinator, or one whose turn it is on a device."""
        try:
            self._hold(job, device_lock=device_lock)
        except Exception:  # the job is found again by the sweep
            log.exception("job %s could not be ended", job.id)

    def _refuse(self, job: Job, error: RuntimeError) -> None:
        """Put a job back for which there is no thread."""
        outcome = Outcome.short(str(error))
        try:
            with self._running_jobs.holding(job):
                self.finisher.finish(job, None, outcome, time.monotonic())
        except Exception:  # the job is found again by the sweep
            log.exception("job %s could not be requeued", job.id)

    # -- running ------------------------------------------------------------------------------------------------

    def run_one(self, job: Job) -> None:
        """Run a job that the caller has claimed for this owner, in this thread and interpreter."""
        self._hold(job, inline=True)

    def _hold(
        self,
        job: Job,
        *,
        inline: bool = False,
        wanted: ClaimFilter | None = None,
        device_lock: DeviceLock | None = None,
    ) -> Job | None:
        with self._running_jobs.holding(job):
            # Once it counts as held: whoever stops this worker either is seen here, or sees and awaits this job.
            if self._stopping.is_set():
                self.finisher.requeue(job)
                return None
            return self._execute(job, inline=inline, wanted=wanted, device_lock=device_lock)

    def _execute(
        self, job: Job, *, inline: bool, wanted: ClaimFilter | None, device_lock: DeviceLock | None
    ) -> Job | None:
        began = time.monotonic()
        task: Task | None = None
        try:
            task = self.registry.task(job.task)
            where = f", on gpu {device_lock.device.name}" if device_lock else ""
            fields = log_fields(job, **({"gpu": device_lock.device.name} if device_lock else {}))
            log.info("%s %s begins, attempt %d%s", job.task, job.id[:8], job.attempt, where, extra=fields)
            publish(self.registry, job, EventKind.CLAIMED)
            start = JobStart(job, task, self.settings)
            self.registry.notify("pfd_before_job", start=start)
            run = self._make_run(start, inline=inline, device_lock=device_lock)
            with self._running_jobs.running(job, run):
                if self.finisher.requeueing:
                    run.stop(StopReason.CANCEL)
                if isinstance(run, IsolatedRun):
                    self._heartbeat.wake()  # it looks for orders more often now; an inline job is over before that
                outcome = run.run()
        except Exception as error:  # whatever it is, the job is told and the slot lives on
            outcome = self._not_run(job, error)
        except BaseException:  # Ctrl-C in a job that runs in its caller
            self.finisher.interrupted(job, time.monotonic() - began)
            raise
        finally:
            self._progress.forget(job)
        return self.finisher.finish(job, task, outcome, began, functools.partial(self.claimer.claim_next, wanted))

    def _not_run(self, job: Job, error: Exception) -> Outcome:
        if self.slots and (what := shortage.cause(error)) is not None:
            return Outcome.short(what)
        if not isinstance(error, PfdError):
            log.error("job %s could not be run", job.id, exc_info=error)
        return Outcome(OutcomeKind.FAILED, failure=describe(error))

    def _make_run(self, start: JobStart, *, inline: bool, device_lock: DeviceLock | None) -> Run:
        job, task = start.job, start.task

        def on_progress(fraction: float, status: str, meta: dict[str, Any]) -> None:
            self._progress.report(Report(job, fraction, status, meta, lambda: run.stop(StopReason.STALE)))

        def on_standing(status: str) -> None:
            self._progress.report(Report(job, None, status, {}, lambda: run.stop(StopReason.STALE)))

        run: Run
        if inline or task.isolation == "inline":
            run = InlineRun(self.app, job, task, on_progress)
        else:
            sees = devices.bound(device_lock.device) if device_lock else devices.unbound(self.settings)
            start = replace(start, environment={**start.environment, **sees})
            held = self._descriptors(device_lock)
            run = IsolatedRun(self._processes, start, on_progress, self.notify, on_standing, held)
        return run

    def _descriptors(self, device_lock: DeviceLock | None) -> tuple[int, ...]:
        """What the processes of a job hold open: locks that say that something of it lives."""
        found = (
            device_lock.descriptor if device_lock else None,
            self._liveness_lock.descriptor if self._liveness_lock else None,
        )
        return tuple(one for one in found if one is not None)


def _loadable(task: Task) -> bool:
    """Whether the module of a task can be found here, without importing anything heavy."""
    try:
        return importlib.util.find_spec(task.run.partition(":")[0]) is not None
    except (ImportError, ValueError, PluginError):
        return False
