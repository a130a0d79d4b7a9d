"""A handle whose methods are coroutines: one job, for programs with an event loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Generator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pfd.arguments import a_number, a_switch
from pfd.client.aio.loops import Loops
from pfd.client.handle import JobHandle
from pfd.client.outcome import result_of
from pfd.errors import ParameterError
from pfd.job import Job, State

if TYPE_CHECKING:
    from pfd.client.views.report import Page

T = TypeVar("T")


class AsyncJobHandle:
    """A job, as `JobHandle` has it, by coroutines: what is a property there is a method here, as it asks the store.

    `await handle` is `await handle.result()`, and `async for job in handle` is what `events()` gives.  What waits for
    the job takes neither the event loop nor a thread meanwhile, and a task that is cancelled leaves nothing behind.
    Two handles of one job are equal, and `str()` of one is its id.

    Attributes
    ----------
    id : that of the job.
    sync : the same job as a `JobHandle`, whose methods block.
    """

    def __init__(self, loops: Loops, handle: JobHandle) -> None:
        self._loops = loops
        self.sync = handle
        self.id = handle.id

    # -- waiting for it ---------------------------------------------------------------------------------------------

    async def result(self, timeout: float | None = None) -> dict[str, Any]:  # noqa: ASYNC109  (as `JobHandle.get` has it)
        """What the task returned, once it has.  A store that is away meanwhile is waited for.

        Raises
        ------
        JobFailed, JobCancelled, TimeLimitExceeded, WorkerLost : how it ended, where not well.
        TimeoutError : it has not ended within `timeout` seconds; it goes on.
        DamagedRow : something else than PFD has written to the store, and its result cannot be read.
        UnknownJob : it has been pruned.
        StoreError : the dispatcher was closed meanwhile.
        """
        return result_of(await self.wait(timeout))

    async def wait(self, timeout: float | None = None) -> Job:  # noqa: ASYNC109
        """The job once it has ended, however that was.  Raises the last four of `result`."""
        return await self._within(a_number("timeout", timeout), self._loops.here().awaiting.end_of(self.id))

    async def _within(self, seconds: float | None, end: Awaitable[T]) -> T:
        limit = asyncio.timeout(seconds)
        try:
            async with limit:
                return await end
        except TimeoutError as error:
            if not limit.expired():
                raise
            raise TimeoutError(f"job {self.id} has not ended after {seconds:g} s; it goes on") from error

    def events(self) -> AsyncIterator[Job]:
        """The job as it is now, and each time that it has changed, until it has ended; raises as `wait` does.

        A change is seen within a quarter of a second.  Of several in that time the last is shown; the end always is.
        """
        return self._loops.here().awaiting.changes(self.id)

    def __await__(self) -> Generator[Any, None, dict[str, Any]]:
        return self.result().__await__()

    def __aiter__(self) -> AsyncIterator[Job]:
        return self.events()

    # -- how it is now ----------------------------------------------------------------------------------------------

    async def job(self) -> Job:
        """The job as it is now.  Raises `UnknownJob`."""
        return await self._loops.call(lambda: self.sync.job)

    async def state(self) -> State:
        return await self._loops.call(lambda: self.sync.state)

    async def info(self) -> dict[str, Any]:
        """Progress (0 to 1), status text and what else the task reported."""
        return await self._loops.call(lambda: self.sync.info)

    async def ready(self) -> bool:
        """Whether the job has ended."""
        return await self._loops.call(self.sync.ready)

    async def successful(self) -> bool:
        return await self._loops.call(self.sync.successful)

    async def failed(self) -> bool:
        """Whether the job ended as FAILURE; one that was cancelled did not."""
        return await self._loops.call(self.sync.failed)

    async def exists(self) -> bool:
        """Whether the job is in the store: it may have been pruned."""
        return await self._loops.call(self.sync.exists)

    async def traceback(self) -> str | None:
        """Where in the task the error was raised; None of a job that has not failed, or whose process was killed."""
        return await self._loops.call(lambda: self.sync.traceback)

    async def date_done(self) -> datetime | None:
        """When the job ended, in UTC; None while it is live."""
        return await self._loops.call(lambda: self.sync.date_done)

    async def worker(self) -> str | None:
        """The name of the worker that runs the job, or ran it last; its id where it is gone by now."""
        return await self._loops.call(lambda: self.sync.worker)

    async def artifacts(self) -> dict[str, Path]:
        """Published files by name; empty until the job has succeeded."""
        return await self._loops.call(lambda: self.sync.artifacts)

    async def page(self) -> Page:
        """The job as a page, with its figures, tables and series, as far as it is; `html` is the page itself."""
        return await self._loops.call(self.sync.show)

    async def parent(self) -> AsyncJobHandle | None:
        """The job whose child this one is."""
        found = await self._loops.call(lambda: self.sync.parent)
        return None if found is None else AsyncJobHandle(self._loops, found)

    async def children(self) -> list[AsyncJobHandle]:
        """The jobs that this one has submitted as its children, the first one first."""
        return [AsyncJobHandle(self._loops, one) for one in await self._loops.call(lambda: self.sync.children)]

    # -- what is done with it ---------------------------------------------------------------------------------------

    async def revoke(self, *, wait: bool = False, timeout: float | None = None) -> Job:  # noqa: ASYNC109
        """Cancel the job, and give it as it is then.  A running one is asked to stop, and ended after the grace period.

        Parameters
        ----------
        wait : whether to wait until it has ended, for at most `timeout` seconds.

        Raises
        ------
        ParameterError : `timeout` is given without `wait`; nothing is cancelled.
        TimeoutError : it has not ended within `timeout` seconds; it will.
        """
        if not a_switch("wait", wait) and timeout is not None:
            raise ParameterError("timeout= says how long to wait, and is not served without wait=True")
        a_number("timeout", timeout)
        job = await self._loops.call(self.sync.revoke)
        return await self.wait(timeout) if wait else job

    async def forget(self) -> None:
        """Remove the ended job, its result and its files, as pruning does.  Raises `JobError` and `UnknownJob`."""
        await self._loops.call(self.sync.forget)

    # -- how it is shown --------------------------------------------------------------------------------------------

    def __eq__(self, other: object) -> bool:
        return self.id == other.id if isinstance(other, AsyncJobHandle) else NotImplemented

    def __hash__(self) -> int:
        return hash((AsyncJobHandle, self.id))

    def __str__(self) -> str:
        return self.id

    def __repr__(self) -> str:  # which asks no store: it would keep the loop
        return f"<AsyncJobHandle {self.id}>"
