"""Waiting for a job in a thread: looks at the store again and again, until a deadline."""

from __future__ import annotations

import contextlib
import logging
import math
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from pfd.arguments import a_number, a_pause
from pfd.context import COORDINATE, TaskContext, running
from pfd.end_signal import job_ended
from pfd.errors import StoreError, StoreUnavailable
from pfd.job import QUEUED, RUNNING, State

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from pfd.client.access import Access

log = logging.getLogger("pfd.client")

SLOT_HELD = 2.0
"""Seconds for which a task waits for a queued job before it is told that it may hold the slot that this needs."""

POLL_FIRST, POLL_MOST, POLL_AWAY, POLL_DEAD = 0.005, 0.25, 0.5, 2.0
"""Seconds between looks at a job: the first ones, the later ones, those while the store is away, and at its worker."""

T = TypeVar("T")


def later(pause: float) -> float:
    """The pause after a pause in which nothing has changed, in seconds."""
    return min(POLL_MOST, pause * 1.5)


def warn_of_a_slot(waiting: TaskContext | None, job_id: str) -> None:
    """Say that a task waits for what may need the slot that the task holds: if it is the only one, for ever."""
    if waiting is not None and not waiting.is_coordinator:
        log.warning(
            "%s waits for job %s, which is queued, in a slot that this may need; %s", waiting.task, job_id, COORDINATE
        )


class Watch:
    """Looks at a job again and again, at its beginning more often, until a deadline.

    Parameters
    ----------
    timeout : seconds until the deadline; none where it is None.
    interval : seconds between looks, where they are to be the same.

    Raises `ParameterError` where one of them is not a number of seconds.
    """

    def __init__(self, dispatcher: Access, job_id: str, timeout: float | None, interval: float | None = None) -> None:
        self._dispatcher = dispatcher
        self._id = job_id
        self._timeout = a_number("timeout", timeout)
        self._began = time.monotonic()
        self._interval = a_pause("interval", interval)
        self._pause = self._interval or POLL_FIRST
        self._warned = False
        self._see_at = self._began + POLL_DEAD

    def read(self, look: Callable[[Connection, str], T]) -> T:
        """What `look` finds.  While the store is away it is asked again: a job does not end with that."""
        away = False
        while True:
            try:
                with self._dispatcher.store.read() as connection:
                    found = look(connection, self._id)
            except StoreUnavailable as error:
                if not away:
                    log.warning("job %s cannot be seen; waiting for the store: %s", self._id, error)
                away = True
                time.sleep(min(POLL_AWAY, self._left("cannot be seen", str(error))))
            else:
                if away:
                    log.warning("the store is back; job %s can be seen again", self._id)
                return found

    @staticmethod
    def news() -> int:
        """How many jobs have ended in this process: to be asked before a look, and handed to the `rest` after it."""
        return job_ended.count

    def rest(self, news: int, state: State) -> None:
        """Pause before the next look; not at all where a job has ended in this process since `news` was counted.

        Where nobody else is there to see that the job's worker is dead, this sees it.
        """
        if not self._warned and state in QUEUED and time.monotonic() - self._began > SLOT_HELD:
            self._warned = True
            warn_of_a_slot(running.get(), self._id)
        if state in RUNNING and time.monotonic() >= self._see_at:
            self._see_at = time.monotonic() + POLL_DEAD
            with contextlib.suppress(StoreError):  # the next look says so
                self._dispatcher.reclaim()
        job_ended.wait(news, min(self._pause, self._left(f"is {state}", "it goes on")))
        self._pause = self._interval or later(self._pause)

    def _left(self, standing: str, more: str) -> float:
        """Seconds until the deadline.  Raises `TimeoutError` where there are none."""
        if self._timeout is None:
            return math.inf
        left = self._began + self._timeout - time.monotonic()
        if left <= 0:
            raise TimeoutError(f"job {self._id} {standing} after {self._timeout:g} s; {more}")
        return left
