"""A dispatcher whose methods are coroutines, for programs with an event loop."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, Self, TypeVar

from pydantic import BaseModel

from pfd.client.aio.handle import AsyncJobHandle
from pfd.client.aio.loops import Loops
from pfd.client.dispatcher import Dispatcher
from pfd.client.handle import JobHandle
from pfd.client.job_list import JobList
from pfd.store.feed import Change
from pfd.task import Task

if TYPE_CHECKING:
    from pfd.schedules.schedule import Overlap, Schedule

P = ParamSpec("P")
T = TypeVar("T")


def _by_coroutine(
    method: Callable[Concatenate[Dispatcher, P], T],
) -> Callable[Concatenate[AsyncDispatcher, P], Coroutine[Any, Any, T]]:
    """The method of that name of the dispatcher, of the same signature, as a coroutine."""

    async def coroutine(self: AsyncDispatcher, /, *args: P.args, **kwargs: P.kwargs) -> T:
        own: Callable[P, T] = getattr(self.sync, method.__name__)  # a subclass may have its own
        return await self._loops.call(functools.partial(own, *args, **kwargs))

    functools.update_wrapper(coroutine, method)
    return coroutine


class AsyncDispatcher:
    """Access to the job table by coroutines: those of `Dispatcher`, and `follow`.

    Calls run in threads of the event loop's executor, a few at a time; what waits, `result` of a handle and `follow`,
    takes none.  It may be used in several loops, and after a fork in each process.  Make one where the program begins,
    since that takes tenths of a second; a program that forks makes it before or after that.

    A call whose task is cancelled is not made where its turn had not come, and else ends by itself: `submit` may have
    stored the job by then, which `key=` makes safe to repeat.

    Parameters
    ----------
    dispatcher : whose methods are called; one for the settings of the environment where left out.

    Attributes
    ----------
    sync : the dispatcher, whose methods block.
    """

    def __init__(self, dispatcher: Dispatcher | None = None) -> None:
        self.sync = Dispatcher() if dispatcher is None else dispatcher
        self._loops = Loops(self.sync)

    async def __aenter__(self) -> Self:
        await self._loops.call(lambda: self.sync.store)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Let go of connections; jobs go on.  Whatever waits, and each later call, raises `StoreError`."""
        self._loops.close()
        self.sync.close()

    # -- jobs -------------------------------------------------------------------------------------------------------

    async def submit(
        self, name: str, params: Mapping[str, Any] | BaseModel | None = None, **options: Any
    ) -> AsyncJobHandle:
        """Submit a job.  For the options see `pfd.submission.options.Options`.

        Raises
        ------
        UnknownTask, ParameterError : nothing is stored.
        KeyConflict : `key` is in use by a live job with other parameters.
        StoreError : the store cannot be reached.
        """
        return self._handle(await self._loops.call(lambda: self.sync.submit(name, params, **_waited_for(options))))

    async def handle(self, ref: str) -> AsyncJobHandle:
        """A handle of an existing job.  Raises `UnknownJob`."""
        return self._handle(await self._loops.call(lambda: self.sync.handle(ref)))

    async def retry(self, ref: str) -> AsyncJobHandle:
        """Submit an ended job again, as a new job that names the old.  Raises as `Dispatcher.retry` does."""
        return self._handle(await self._loops.call(lambda: self.sync.retry(ref)))

    def _handle(self, handle: JobHandle) -> AsyncJobHandle:
        return AsyncJobHandle(self._loops, handle)

    job = _by_coroutine(Dispatcher.job)
    jobs = _by_coroutine(Dispatcher.jobs)
    counts = _by_coroutine(Dispatcher.counts)
    waiting_for_gpu = _by_coroutine(Dispatcher.waiting_for_gpu)
    claims = _by_coroutine(Dispatcher.claims)
    cancel = _by_coroutine(Dispatcher.cancel)
    forget = _by_coroutine(Dispatcher.forget)
    reclaim = _by_coroutine(Dispatcher.reclaim)
    prune = _by_coroutine(Dispatcher.prune)

    async def total(self, page: JobList) -> int:
        """How many jobs there are on all pages of what `jobs` has found: `page.total` would count them in the loop."""
        return await self._loops.call(lambda: page.total)

    # -- what is shown of them --------------------------------------------------------------------------------------

    changes = _by_coroutine(Dispatcher.changes)
    log = _by_coroutine(Dispatcher.log)
    log_path = _by_coroutine(Dispatcher.log_path)
    series = _by_coroutine(Dispatcher.series)
    series_names = _by_coroutine(Dispatcher.series_names)
    blocks = _by_coroutine(Dispatcher.blocks)
    page = _by_coroutine(Dispatcher.page)
    artifacts = _by_coroutine(Dispatcher.artifacts)
    choices = _by_coroutine(Dispatcher.choices)

    def follow(self, since: str = "") -> AsyncIterator[Change]:
        """Each change of any job behind a cursor, for ever: the job as it is then, and the cursor behind the change.

        None is left out and none comes twice, as with `changes`; one is seen within a quarter of a second.  All that
        follow in one event loop are read for together.  A store that is away meanwhile is waited for, and the log says
        so.  A wait for the next one that is cancelled, as by `asyncio.wait_for(anext(changes), 15)`, passes over none,
        and the next one can be asked for again.

        Parameters
        ----------
        since : as for `changes`; `"now"` is when the first change is asked for.

        Raises
        ------
        ParameterError : `since` is no such cursor.
        StoreError : the dispatcher was closed meanwhile.
        """
        return self._loops.here().following.follow(since)

    # -- schedules, workers, tasks ----------------------------------------------------------------------------------

    async def schedule(
        self,
        name: str,
        cron: str,
        task: str,
        params: Mapping[str, Any] | BaseModel | None = None,
        *,
        zone: str = "UTC",
        overlap: Overlap = "skip",
        catch_up: bool = True,
        **options: Any,
    ) -> Schedule:
        """Have a job submitted whenever a cron expression comes round.  All else is as for `Dispatcher.schedule`."""
        return await self._loops.call(
            lambda: self.sync.schedule(
                name, cron, task, params, zone=zone, overlap=overlap, catch_up=catch_up, **options
            )
        )

    schedules = _by_coroutine(Dispatcher.schedules)
    find_schedule = _by_coroutine(Dispatcher.find_schedule)
    schedule_slots = _by_coroutine(Dispatcher.schedule_slots)
    pause_schedule = _by_coroutine(Dispatcher.pause_schedule)
    resume_schedule = _by_coroutine(Dispatcher.resume_schedule)
    unschedule = _by_coroutine(Dispatcher.unschedule)
    workers = _by_coroutine(Dispatcher.workers)
    running = _by_coroutine(Dispatcher.running)
    tell_unserved = _by_coroutine(Dispatcher.tell_unserved)

    async def tasks(self) -> Mapping[str, Task]:
        """The installed tasks, by name."""
        return await self._loops.call(lambda: self.sync.tasks)


def _waited_for(options: Mapping[str, Any]) -> dict[str, Any]:
    """Options in which handles, alone or in `after`, are those that a dispatcher knows."""

    def plain(value: Any) -> Any:
        return value.sync if isinstance(value, AsyncJobHandle) else value

    found = {name: plain(value) for name, value in options.items()}
    if isinstance(after := found.get("after"), list | tuple | set | frozenset):
        found["after"] = tuple(map(plain, after))
    return found
