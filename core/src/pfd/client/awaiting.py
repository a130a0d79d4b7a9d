"""Waiting for jobs in an event loop: one look at the store for all that tasks of the loop await.

A look is a short read in a thread of the loop's executor, so that it keeps neither the loop nor a thread; between looks
the loop sleeps.  Awaiting a hundred jobs costs one thread for some milliseconds, four times a second.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING

from pfd.client.waiting import POLL_AWAY, POLL_DEAD, POLL_FIRST, SLOT_HELD, later, warn_of_a_slot
from pfd.context import TaskContext, running
from pfd.errors import PfdError, StoreError, StoreUnavailable
from pfd.job import ENDED, QUEUED, RUNNING, Job
from pfd.store import changes

if TYPE_CHECKING:
    from pfd.client.access import Access

log = logging.getLogger("pfd.client")


class _Follower:
    """A task of the loop that waits for the next change of a job, or for its end alone."""

    def __init__(self, job_id: str, *, until_end: bool = False) -> None:
        self.id = job_id
        self.seen: changes.Snapshot | None = None
        self.pause = POLL_FIRST
        self.news: asyncio.Future[Job]
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


_Answer = tuple[changes.Snapshot, Job] | Exception


class Awaiting:
    """Looks at all jobs that are awaited in one event loop, for as long as there are any."""

    def __init__(self, dispatcher: Access) -> None:
        self._dispatcher = dispatcher
        self._followers: set[_Follower] = set()
        self._looking: asyncio.Task[None] | None = None
        self._come: asyncio.Event | None = None  # of one look: it holds its loop, by which this is found
        self._see_at = 0.0

    async def end(self, job_id: str) -> Job:
        """The job once it has ended.  Raises `UnknownJob` where it has been pruned."""
        return await self._next(_Follower(job_id, until_end=True))

    async def changes(self, job_id: str) -> AsyncIterator[Job]:
        """The job as it is now, and each time that it has changed, until it has ended.  Raises as above."""
        follower = _Follower(job_id)
        while True:
            job = await self._next(follower)
            yield job
            if job.state in ENDED:
                return

    async def _next(self, follower: _Follower) -> Job:
        loop = asyncio.get_running_loop()
        follower.news = loop.create_future()
        self._followers.add(follower)
        if self._come is not None:
            self._come.set()
        if self._looking is None:
            self._see_at = time.monotonic() + POLL_DEAD
            self._looking = loop.create_task(self._look_on(), name="pfd-awaiting")
        try:
            return await follower.news
        finally:
            self._followers.discard(follower)

    async def _look_on(self) -> None:
        away = False
        self._come = come = asyncio.Event()
        try:
            while self._followers:
                come.clear()
                try:
                    found = await asyncio.to_thread(self._look, tuple(self._followers))
                except StoreUnavailable as error:  # a job does not end with that
                    if not away:
                        log.warning("jobs that are awaited cannot be seen; waiting for the store: %s", error)
                    away = True
                    await asyncio.sleep(POLL_AWAY)
                    continue
                except Exception as error:  # raised where it can be seen: by whoever awaits a job
                    found = dict.fromkeys(self._followers, error)
                if away:
                    log.warning("the store is back; jobs that are awaited can be seen again")
                    away = False
                self._tell(found)
                await self._rest(come)
        finally:
            self._looking = self._come = None
            for follower in self._followers:  # the loop ends, and nobody looks any more
                follower.news.cancel()

    def _tell(self, found: dict[_Follower, _Answer]) -> None:
        for follower, answer in found.items():
            self._followers.discard(follower)
            if follower.news.done():  # who awaited it was cancelled
                continue
            if isinstance(answer, Exception):
                follower.news.set_exception(answer)
            else:
                follower.seen, job = answer
                follower.news.set_result(job)

    async def _rest(self, come: asyncio.Event) -> None:
        """Sleep until the next look: a look is soon after a job was first awaited, and later rarer."""
        if not self._followers:
            return
        pause = min(follower.pause for follower in self._followers)
        for follower in self._followers:
            follower.pause = later(follower.pause)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(pause):
                await come.wait()

    def _look(self, followers: Sequence[_Follower]) -> dict[_Follower, _Answer]:
        """What there is to be told; in a thread."""
        found: dict[_Follower, _Answer] = {}
        with self._dispatcher.store.read() as connection:
            now = changes.snapshots(connection, {follower.id for follower in followers})
            for follower in followers:
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
