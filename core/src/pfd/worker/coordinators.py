"""Running tasks that wait for children, beside the slots: they hold none that a child may need."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

from pfd.job import Job
from pfd.store.claim_filter import ClaimFilter
from pfd.threads import LastingThread
from pfd.vitals import Alarm

AT_ONCE = 16
"""Coordinators of one depth that a worker runs at once.

Counted for each depth: a coordinator may wait for deeper ones, and never for others of its own depth, so that those
above cannot use up what those below need.
"""


class Coordinators:
    """Claims coordinators and runs each in its own thread.

    Parameters
    ----------
    wanted : which of them.
    claim : takes the next one, or None.
    run : runs it to its end.
    refuse : puts it back, where there is no thread for it.
    alarm : hears of a thread that dies.
    """

    def __init__(
        self,
        wanted: ClaimFilter,
        claim: Callable[[ClaimFilter], Job | None],
        run: Callable[[Job], None],
        refuse: Callable[[Job, RuntimeError], None],
        alarm: Alarm,
    ) -> None:
        self._wanted = wanted
        self._claim = claim
        self._run = run
        self._refuse = refuse
        self._changed = threading.Condition()
        self._woken = False
        self._stopping = False
        self._levels: Counter[int] = Counter()
        self._threads: set[threading.Thread] = set()
        self._main = LastingThread("pfd-coordinators", self._serve, alarm)

    def start(self) -> None:
        self._main.start()

    def wake(self) -> None:
        """There may be one to claim."""
        with self._changed:
            self._woken = True
            self._changed.notify_all()

    def claim_no_more(self) -> None:
        with self._changed:
            self._stopping = True
            self._changed.notify_all()

    def threads(self) -> list[threading.Thread]:
        """Those that still claim or run something."""
        with self._changed:
            return [thread for thread in (self._main, *self._threads) if thread.is_alive()]

    def _serve(self) -> None:
        self._woken = True
        while True:
            with self._changed:
                while not self._woken and not self._stopping:
                    self._changed.wait()
                if self._stopping:
                    return
                self._woken = False
                full = tuple(sorted(level for level, number in self._levels.items() if number >= AT_ONCE))
            if (job := self._claim(replace(self._wanted, full_levels=full))) is not None:
                self._begin(job)
                self.wake()  # where there was one there may be another

    def _begin(self, job: Job) -> None:
        thread = threading.Thread(target=self._work, args=(job,), name=f"pfd-coordinator-{job.id[:8]}", daemon=True)
        try:
            with self._changed:  # whoever waits for all of them finds this one begun, or not at all
                self._levels[job.level] += 1
                self._threads.add(thread)
                thread.start()
        except RuntimeError as error:
            self._over(job, thread)
            self._refuse(job, error)

    def _work(self, job: Job) -> None:
        try:
            self._run(job)
        finally:
            self._over(job, threading.current_thread())
            self.wake()

    def _over(self, job: Job, thread: threading.Thread) -> None:
        with self._changed:
            self._levels[job.level] -= 1
            self._threads.discard(thread)
