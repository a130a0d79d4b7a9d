"""Waiting for jobs in an event loop: one look at the store for all that tasks of the loop await."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import TYPE_CHECKING

from pfd.client.looking import Looking, Waiter
from pfd.client.waiting import POLL_DEAD, SLOT_HELD, warn_of_a_slot
from pfd.context import TaskContext, running
from pfd.errors import PfdError, StoreError
from pfd.job import ENDED, QUEUED, RUNNING, Job
from pfd.store import changes

if TYPE_CHECKING:
    from pfd.client.access import Access


_Found = tuple[changes.Snapshot, Job]


class _Follower(Waiter[_Found]):
    """A task of the loop that waits for the next change of a job, or for its end alone."""

    def __init__(self, job_id: str, *, until_end: bool = False) -> None:
        super().__init__()
        self.id = job_id
        self.seen: changes.Snapshot | None = None
        self._until_end = until_end
        self._warn_at = time.monotonic() + SLOT_HELD
        self._inside: TaskContext | None = running.get()

    def concerns(self, now: changes.Snapshot) -> bool:
        """Whether what is seen of the job now is what it waits for."""
        return now.state in ENDED if self._until_end else now != self.seen

    def is_queued(self) -> None:
        """The job is queued still: who holds a slot meanwhile is told so, once."""
        if self._inside is not None and time.monotonic() > self._warn_at:
            waiting, self._inside = self._inside, None
            warn_of_a_slot(waiting, self.id)


class _Changes(AsyncIterator[Job]):
    """The changes of a job.  A wait for the next one may be cancelled, as by a limit of time, and another begun."""

    def __init__(self, awaiting: Awaiting, job_id: str) -> None:
        self._awaiting = awaiting
        self._follower = _Follower(job_id)
        self._is_awaited = self._has_ended = False

    async def __anext__(self) -> Job:
        if self._has_ended:
            raise StopAsyncIteration
        if self._is_awaited:
            raise RuntimeError("the next change is awaited already: let each task follow by itself")
        self._is_awaited = True
        try:
            # Only what has arrived has been seen: a wait that is given up passes over nothing.
            self._follower.seen, job = await self._awaiting.found(self._follower)
        finally:
            self._is_awaited = False
        self._has_ended = job.state in ENDED
        return job


class Awaiting(Looking[_Follower, _Found]):
    """Looks at all jobs that are awaited in one event loop, for as long as there are any."""

    what = "jobs that are awaited"

    def __init__(self, dispatcher: Access) -> None:
        super().__init__()
        self._dispatcher = dispatcher
        self._see_at = 0.0

    async def end_of(self, job_id: str) -> Job:
        """The job once it has ended.  Raises `UnknownJob` where it has been pruned."""
        _, job = await self._next(_Follower(job_id, until_end=True))
        return job

    def changes(self, job_id: str) -> AsyncIterator[Job]:
        """The job as it is now, and each time that it has changed, until it has ended.  Raises as above."""
        return _Changes(self, job_id)

    async def found(self, follower: _Follower) -> _Found:
        """What a follower waits for, once it is there."""
        return await self._next(follower)

    def _begin(self) -> None:
        self._see_at = time.monotonic() + POLL_DEAD

    def _look(self, waiters: Sequence[_Follower]) -> Mapping[_Follower, _Found | Exception]:
        found: dict[_Follower, _Found | Exception] = {}
        with self._dispatcher.store.read() as connection:
            now = changes.snapshots(connection, {follower.id for follower in waiters})
            for follower in waiters:
                seen = now.get(follower.id)
                try:
                    if seen is None or follower.concerns(seen):
                        found[follower] = changes.whole(connection, follower.id)
                    elif seen.state in QUEUED:
                        follower.is_queued()
                except StoreError:
                    raise
                except PfdError as error:
                    found[follower] = error
        if time.monotonic() >= self._see_at and any(one.state in RUNNING for one in now.values()):
            self._see_at = time.monotonic() + POLL_DEAD
            with contextlib.suppress(StoreError):  # the next look says so
                self._dispatcher.reclaim()
        return found
