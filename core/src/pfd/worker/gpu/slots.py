"""Slots that are bound to devices, beside the others: each runs one job at a time, and only jobs that need a device."""

from __future__ import annotations

import functools
import logging
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from pfd.errors import QueueError
from pfd.job import Job
from pfd.store.claim_filter import ClaimFilter
from pfd.threads import LastingThread
from pfd.vitals import Alarm
from pfd.worker.claimer import Claimer
from pfd.worker.gpu.device_lock import DeviceLock
from pfd.worker.gpu.devices import Place

log = logging.getLogger("pfd.worker")

PAUSE_FIRST, PAUSE_MOST = 0.01, 0.25
"""Seconds between looks at a device that another worker has: the first ones, and the later ones."""


class GpuSlots:
    """Claims jobs for devices and runs each on the one that its slot is bound to.

    A device is taken before a job is claimed for it and only where there is one to claim, and for that job alone.  So
    workers of one machine may have the same devices, idle ones are in nobody's way, and no job that was claimed waits.

    Parameters
    ----------
    places : a slot for each.
    home : where turns are kept, if need be.
    wanted : which jobs.
    run : runs it to its end, on the device whose turn it is.
    alarm : hears of a thread that dies.
    """

    def __init__(
        self,
        places: Sequence[Place],
        home: Path,
        wanted: ClaimFilter,
        claimer: Claimer,
        run: Callable[[Job, DeviceLock], None],
        alarm: Alarm,
    ) -> None:
        self._home = home
        self._wanted = wanted
        self._claimer = claimer
        self._run = run
        self._woken = threading.Condition()
        self._wakeups = 0
        self._stopping = threading.Event()
        self._threads = [
            LastingThread(f"pfd-gpu-{place.device.name}-{place.number}", functools.partial(self._serve, place), alarm)
            for place in places
        ]

    def __len__(self) -> int:
        return len(self._threads)

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def wake(self) -> None:
        """There may be a job to claim: wake one slot, which wakes the next where there is."""
        with self._woken:
            self._wakeups += 1
            self._woken.notify()

    def _wake_next(self) -> None:
        with self._woken:
            self._woken.notify()  # one that has not looked since the last wakeup

    def claim_no_more(self) -> None:
        self._stopping.set()
        with self._woken:
            self._woken.notify_all()

    def threads(self) -> list[threading.Thread]:
        """Those that still claim or run something."""
        return [thread for thread in self._threads if thread.is_alive()]

    def _serve(self, place: Place) -> None:
        seen = -1
        while self._await_wakeup(seen):
            seen = self._wakeups
            try:
                while self._claimer.is_due(self._wanted):
                    self._wake_next()  # where there is one there may be another, for another device
                    if not self._acquire_device(place):
                        break
            except (OSError, QueueError) as error:
                log.warning("gpu %s cannot be taken for now: %s", place.device.name, error)
            except Exception:  # a slot that died in silence would leave a device that nobody uses
                log.exception("gpu %s cannot be used for now", place.device.name)

    def _await_wakeup(self, seen: int) -> bool:
        """Wait until woken since `seen`; False once no more is to be claimed."""
        with self._woken:
            self._woken.wait_for(lambda: self._wakeups != seen or self._stopping.is_set())
            return not self._stopping.is_set()

    def _acquire_device(self, place: Place) -> bool:
        """Wait for the device, and run a job on it where there still is one; whether there was."""
        pause = PAUSE_FIRST
        with DeviceLock(place, self._home) as device_lock:
            while not device_lock.try_acquire():
                if self._stopping.wait(pause):
                    return False
                pause = min(PAUSE_MOST, 2 * pause)
            if self._stopping.is_set() or (job := self._claimer.take(self._wanted)) is None:
                return False
            self._run(job, device_lock)
            return True
