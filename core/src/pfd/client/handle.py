"""A handle: one job, in the words of Celery's `AsyncResult`, to be waited for in a thread or an event loop."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Generator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, overload

from pfd.arguments import a_switch
from pfd.characters import one_line
from pfd.errors import ParameterError, UnknownJob
from pfd.job import ENDED, Job, State
from pfd.store import changes, jobs

if TYPE_CHECKING:
    from pfd.client.access import Access
    from pfd.client.awaiting import Awaiting
    from pfd.client.views.report import Page
    from pfd.client.waiting import Watch

    class Client(Access, Protocol):
        """A dispatcher, with what looks at jobs that are awaited."""

        @property
        def awaiting(self) -> Awaiting:
            """That of the event loop that runs."""

        def page(self, ref: str) -> Page:
            """A job as a page for a notebook."""


class JobHandle:
    """A job, in the words of Celery's `AsyncResult`.

    `await handle` gives what `get()` gives, and `async for job in handle` what `events()` does, without keeping the
    event loop or a thread; `asyncio.timeout` limits either.  Two handles of one job are equal, and `str()` of one is
    its id.
    """

    def __init__(self, dispatcher: Client, job_id: str) -> None:
        self._dispatcher = dispatcher
        self.id = job_id

    # -- how the job is now -----------------------------------------------------------------------------------------

    @property
    def job(self) -> Job:
        """The job as it is now."""
        with self._dispatcher.store.read() as connection:
            return jobs.get(connection, self.id)

    @property
    def state(self) -> State:
        return self.job.state

    @property
    def info(self) -> dict[str, Any]:
        """Progress (0 to 1), status text and what else the task reported.

        The same in each state, and on each runtime.  Of an ended job it is the last that there was; its result or
        error is `result`.
        """
        return self.job.info

    @property
    def result(self) -> Any:
        """What the task returned; the error as an object where the job failed or was cancelled; else `info`.

        How the job ended is never raised, as in Celery: that is for `get()`.
        """
        from pfd.client.outcome import value_of

        return value_of(self.job)

    @property
    def traceback(self) -> str | None:
        """Where in the task the error was raised; None of a job that has not failed, or whose process was killed."""
        failure = self.job.failure
        return (failure.traceback or None) if failure else None

    @property
    def artifacts(self) -> dict[str, Path]:
        """Published files by name; empty until the job has succeeded."""
        from pfd.artifacts import published

        job = self.job
        return {item.name: published(self._dispatcher.settings.home, job, item.name) for item in job.artifacts}

    def show(self) -> Page:
        """The job as a page for a notebook, with its figures, tables and series, as far as it is."""
        return self._dispatcher.page(self.id)

    @property
    def parent(self) -> JobHandle | None:
        """The job whose child this one is."""
        parent = self.job.parent_id
        return None if parent is None else JobHandle(self._dispatcher, parent)

    @property
    def children(self) -> list[JobHandle]:
        """The jobs that this one has submitted as its children, the first one first."""
        with self._dispatcher.store.read() as connection:
            return [JobHandle(self._dispatcher, one) for one in jobs.children(connection, self.id)]

    @property
    def date_done(self) -> datetime | None:
        """When the job ended, in UTC; None while it is live."""
        moment = self.job.ended_at
        return None if moment is None else datetime.fromtimestamp(moment, UTC)

    @property
    def name(self) -> str:
        """The name of the task."""
        return self.job.task

    @property
    def args(self) -> tuple[Any, ...]:
        """Always empty: the parameters of a job have names, and are in `kwargs`."""
        return ()

    @property
    def kwargs(self) -> dict[str, Any]:
        """The parameters as they are stored: validated, with the defaults."""
        return self.job.params

    @property
    def queue(self) -> str:
        return self.job.queue

    @property
    def retries(self) -> int:
        """How many attempts there were before the latest; losses of a worker do not count."""
        return max(0, self.job.attempt - 1)

    @property
    def worker(self) -> str | None:
        """The name of the worker that runs the job, or ran it last; its id where it is gone by now."""
        owner = self.job.owner
        return next((info.name for info in self._dispatcher.workers() if info.id == owner), owner)

    def exists(self) -> bool:
        """Whether the job is in the store: it may have been pruned."""
        try:
            return bool(self.job)
        except UnknownJob:
            return False

    def ready(self) -> bool:
        """Whether the job has ended."""
        return self.state in ENDED

    def successful(self) -> bool:
        return self.state is State.SUCCESS

    def failed(self) -> bool:
        """Whether the job ended as FAILURE; one that was cancelled did not."""
        return self.state is State.FAILURE

    # -- what is done with it ---------------------------------------------------------------------------------------

    def revoke(
        self, *, terminate: bool = True, wait: bool = False, timeout: float | None = None, **others: object
    ) -> Job:
        """Cancel the job, and give it as it is then.  A running one is asked to stop, and ended after the grace period.

        Parameters
        ----------
        wait : whether to block until it has ended, for at most `timeout` seconds.
        terminate, others : options of Celery's `revoke`.  `terminate=True` is what is done anyway.

        Raises
        ------
        ParameterError : `terminate=False`, since there is no cancel that leaves a running job alone, or another option
            that is not served; nothing is cancelled.
        TimeoutError : it has not ended within `timeout` seconds; it will.
        """
        from pfd.client.celery_words import OF_REVOKE, refuse

        refuse("revoke", others, OF_REVOKE)
        if not a_switch("terminate", terminate):
            raise ParameterError("terminate=False is not served: a cancel asks a running job to stop as well")
        if not a_switch("wait", wait):
            if timeout is not None:
                raise ParameterError("timeout= says how long to wait, and is not served without wait=True")
            return self._dispatcher.cancel(self.id)
        watch = self._watch(timeout)
        self._dispatcher.cancel(self.id)
        return self._await_end(watch)

    def forget(self) -> None:
        """Remove the ended job, its result and its files, as pruning does.

        Raises
        ------
        JobError : it has not ended, or is still needed, and why; all of it stays.
        UnknownJob : it has been removed already.
        """
        self._dispatcher.forget(self.id)

    def wait(self, timeout: float | None = None) -> Job:
        """Block until the job has ended, and give it as it is then.  Unlike Celery's `wait` it raises no error of the
        job: that is for `get()`.  A store that is away meanwhile is waited for, and the log says so.

        Raises
        ------
        TimeoutError : it has not within `timeout` seconds; it goes on.
        UnknownJob : it has been pruned.
        ParameterError : `timeout` is not a number.
        """
        return self._await_end(self._watch(timeout))

    def _watch(self, timeout: float | None, interval: float | None = None) -> Watch:
        from pfd.client.waiting import Watch

        return Watch(self._dispatcher, self.id, timeout, interval)

    def _await_end(self, watch: Watch) -> Job:
        while True:
            news = watch.news()
            state = watch.read(changes.snapshot).state
            if state in ENDED:
                return watch.read(jobs.get)
            watch.rest(news, state)

    @overload
    def get(
        self,
        timeout: float | None = None,
        propagate: Literal[True] = True,
        interval: float | None = None,
        **others: object,
    ) -> dict[str, Any]: ...

    @overload
    def get(
        self, timeout: float | None = None, *, propagate: bool, interval: float | None = None, **others: object
    ) -> Any: ...

    def get(
        self,
        timeout: float | None = None,
        propagate: bool = True,
        interval: float | None = None,
        **others: object,
    ) -> Any:
        """Wait for the result.  Ctrl-C leaves the job running and says its id.

        Parameters
        ----------
        propagate : whether an error of the job is raised, or returned.
        interval : seconds between looks at the store; by itself short ones first.
        others : options of Celery's `get`, which are refused.

        Raises
        ------
        JobFailed, JobCancelled, TimeLimitExceeded, WorkerLost : how it ended, where not well.
        TimeoutError : it has not ended within `timeout` seconds; it goes on.
        DamagedRow : something else than PFD has written to the store, and its result cannot be read.
        ParameterError : an option that is not served, or is not a number.
        """
        from pfd.client.celery_words import OF_GET, refuse
        from pfd.client.outcome import result_of, value_of

        refuse("get", others, OF_GET)
        a_switch("propagate", propagate)
        try:
            job = self._await_end(self._watch(timeout, interval))
        except KeyboardInterrupt:
            raise KeyboardInterrupt(f"job {self.id} goes on; 'pfd watch {self.id[:8]}' follows it") from None
        return result_of(job) if propagate else value_of(job)

    def maybe_throw(self, propagate: bool = True, **others: object) -> Any:
        """`result` at once; an error of the job is raised where `propagate`.  Raises `ParameterError` as `get` does."""
        from pfd.client.celery_words import OF_GET, refuse
        from pfd.client.outcome import error_of, value_of

        refuse("maybe_throw", others, OF_GET)
        job = self.job
        if a_switch("propagate", propagate) and (error := error_of(job)) is not None:
            raise error
        return value_of(job)

    def events(self, timeout: float | None = None) -> Iterator[Job]:
        """The job as it is now, and each time that it has changed, until it has ended.

        A change is seen within a quarter of a second.  Of several in that time the last is shown; the end always is.
        A store that is away meanwhile is waited for, and the log says so.

        Raises
        ------
        TimeoutError : it has not ended within `timeout` seconds; it goes on.
        UnknownJob : it has been pruned.
        """
        watch = self._watch(timeout)
        seen: changes.Snapshot | None = None
        while True:
            news = watch.news()
            found = watch.read(functools.partial(changes.changed_since, seen=seen))
            if found is not None:
                seen, job = found
                yield job
                if job.state in ENDED:
                    return
            assert seen is not None
            watch.rest(news, seen.state)

    def __await__(self) -> Generator[Any, None, dict[str, Any]]:
        return self._result().__await__()

    async def _result(self) -> dict[str, Any]:
        from pfd.client.outcome import result_of

        return result_of(await self._dispatcher.awaiting.end_of(self.id))

    def __aiter__(self) -> AsyncIterator[Job]:
        return self._dispatcher.awaiting.changes(self.id)

    # -- other names, and how it is shown ---------------------------------------------------------------------------

    status = state
    task_id = property(lambda self: self.id, doc="The same as `id`.")
    maybe_reraise = maybe_throw

    def __eq__(self, other: object) -> bool:
        return self.id == other.id if isinstance(other, JobHandle) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.id)

    def __str__(self) -> str:
        return self.id

    def __repr__(self) -> str:
        job = self.job
        text = f"<JobHandle {job.task} {self.id} {job.state} {job.progress:.0%} {job.status}>"
        return one_line(text.replace(" >", ">"))

    def _repr_html_(self) -> str:
        from pfd.client.display import handle_html

        return handle_html(self.job)

    def _ipython_display_(self) -> None:
        from pfd.client.display import show_live

        show_live(self)

    if not TYPE_CHECKING:  # else every name would be one of a handle

        def __getattr__(self, name: str) -> Any:
            from pfd.client.celery_words import NOT_SERVED

            reason = f": {NOT_SERVED[name]}" if name in NOT_SERVED else ""
            raise AttributeError(f"a handle of a job has no {name!r}{reason}", name=name, obj=self)
