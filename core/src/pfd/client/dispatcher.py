"""What clients use: submit jobs, look at them, wait for them."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import importlib
import itertools
import os
import threading
import time
import uuid
import weakref
from collections.abc import Iterable, Mapping, Sized
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from pydantic import BaseModel

from pfd import forks
from pfd.arguments import MAX_NUMBER, a_number, a_switch, a_text, an_integer
from pfd.client.handle import JobHandle
from pfd.errors import JobError, ParameterError, SettingsError, StoreError
from pfd.job import ENDED, RUNNING, Job, State
from pfd.lazy import RenamedAttribute
from pfd.notify import SILENT, Notifier
from pfd.plugins import Registry, load_registry
from pfd.runtimes.base import Runtime, load_runtime
from pfd.settings import Settings, load_settings
from pfd.store import Store, WorkerInfo, claims, jobs, workers
from pfd.store.rows import damage_of
from pfd.task import Task

if TYPE_CHECKING:  # what few clients need is loaded where it is used
    from pfd.app import App
    from pfd.client.awaiting import Awaiting
    from pfd.client.job_list import JobList
    from pfd.client.log_piece import LogPiece
    from pfd.client.showing import Showing
    from pfd.client.views.report import Page
    from pfd.references import Choices
    from pfd.retention import Pruned
    from pfd.schedules.schedule import Overlap, Schedule, ScheduleSlot
    from pfd.series.reader import Points
    from pfd.store.feed import Changes
    from pfd.store.search import Search
    from pfd.submission.unserved import UnservedNotice
    from pfd.views import Block


_USED = (
    "pfd.app",
    "pfd.artifacts",
    "pfd.client.awaiting",
    "pfd.client.celery_words",
    "pfd.client.job_list",
    "pfd.client.outcome",
    "pfd.client.waiting",
    "pfd.events",
    "pfd.logs.log_file",
    "pfd.retention",
    "pfd.schedules.define",
    "pfd.schedules.table",
    "pfd.store.feed",
    "pfd.store.listing",
    "pfd.store.migrate",
    "pfd.store.prune",
    "pfd.store.search",
    "pfd.submission.cancel",
    "pfd.submission.options",
    "pfd.submission.searching",
    "pfd.submission.submit",
    "pfd.submission.there",
    "pfd.submission.unserved",
    "pfd.worker.sweeper",
)
"""What methods of a dispatcher and its handles import: a program that only names the class does without."""


MOST_CHOICES = 1000
"""Things that are offered for a parameter that names one: nobody chooses among more."""


def process_client_id() -> str:
    """The client that this process is: the `client_id` of all that it submits."""
    return _client_id(os.getpid())


@functools.lru_cache(maxsize=1)
def _client_id(pid: int) -> str:  # a forked process gets one of its own
    return f"{pid}-{uuid.uuid4().hex[:16]}"


class Dispatcher:
    """Access to the job table.  Thread-safe; opens the store at its first use, and after a fork in each process.

    Parameters
    ----------
    settings : those of the environment where left out.
    tells_unserved : whether the log says, once a queue and process, that no live worker takes what was submitted.
    """

    def __init__(
        self, settings: Settings | None = None, *, registry: Registry | None = None, tells_unserved: bool = True
    ) -> None:
        self.settings = settings or load_settings().values
        self._registry = registry
        self._tells_unserved = tells_unserved
        self._opened: Store | None = None
        self._connected: Runtime | None = None
        with forks.conversation():  # a fork in the middle of an import leaves a child that waits for it for ever
            for module in _USED:
                importlib.import_module(module)
        self._prepare()
        forks.watch(self, after=Dispatcher._leave_to_the_parent)

    def _prepare(self) -> None:
        self._opening = threading.RLock()
        self._notice: UnservedNotice | None = None
        self._awaiting: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Awaiting] = weakref.WeakKeyDictionary()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def plugins(self) -> Registry:
        """All plugins and what became of each."""
        with forks.conversation(), self._opening:
            if self._registry is None:
                self._registry = load_registry(self.settings)
            return self._registry

    @property
    def tasks(self) -> Mapping[str, Task]:
        """The installed tasks, by name."""
        return self.plugins.tasks

    @property
    def store(self) -> Store:
        with forks.conversation(), self._opening:
            if self._opened is None:
                self._opened = Store(self.settings, self.plugins.tables()).open()
            return self._opened

    @property
    def _runtime(self) -> Runtime:
        with forks.conversation(), self._opening:
            if self._connected is None:
                self._connected = load_runtime(self.settings)
            return self._connected

    def _app(self, runtime: Notifier) -> App:
        from pfd.app import App

        return App(self.settings, self.plugins, self.store, runtime)

    @property
    def _silent(self) -> App:
        """For what wakes no workers: it is done as well where the runtime cannot be loaded."""
        return self._app(SILENT)

    @property
    def awaiting(self) -> Awaiting:
        """What looks at the jobs that tasks of the running event loop await.  Raises `RuntimeError` without a loop."""
        from pfd.client.awaiting import Awaiting

        loop = asyncio.get_running_loop()
        with self._opening:
            return self._awaiting.setdefault(loop, Awaiting(self))

    def close(self) -> None:
        """Let go of connections; jobs go on."""
        if self._opened is not None:
            self._opened.close()
            self._opened = None
        if self._connected is not None:
            self._connected.close()
            self._connected = None

    def _leave_to_the_parent(self, _quiet: bool) -> None:
        if self._connected is not None:
            forks.abandon(self._connected)
            self._connected = None
        self._prepare()

    def submit(self, name: str, params: Mapping[str, Any] | BaseModel | None = None, **options: Any) -> JobHandle:
        """Submit a job.  For the options see `pfd.submission.options.Options`.

        Raises
        ------
        UnknownTask, ParameterError : nothing is stored.
        KeyConflict : `key` is in use by a live job with other parameters.
        StoreError : the store cannot be reached.
        """
        from pfd.submission.options import make_options
        from pfd.submission.submit import Origin, submit

        task = self.plugins.task(name)
        chosen = make_options(task, _listed(options))
        done = submit(
            self._app(self._runtime),
            name,
            {} if params is None else params,
            chosen,
            Origin(process_client_id()),
        )
        if done.fresh:
            self.tell_unserved(chosen.queue or task.queue, gpu=task.gpu is True)
        return JobHandle(self, done.id)

    def tell_unserved(self, queue: str, *, gpu: bool = False) -> None:
        """Have the log say that no live worker takes jobs of a queue, where that is so and it has not said so yet."""
        if self._tells_unserved:
            self._unserved.look(self.store, a_text("queue", queue), gpu=gpu is True)

    @property
    def _unserved(self) -> UnservedNotice:
        from pfd.submission.unserved import UnservedNotice

        with self._opening:
            if self._notice is None:
                self._notice = UnservedNotice(self.settings, process_client_id())
            return self._notice

    def choices(self, kind: str, limit: int | None = 50) -> Choices:
        """What there is of a kind of things that parameters name, such as `"dataset"`, the newest first.

        Nothing where no plugin keeps such things, or the one that does cannot tell, which the log says.

        Parameters
        ----------
        kind : what parameters are marked with: `Field.reference` of `pfd.schema`.
        limit : how many at most, up to 1000, which None stands for; how many more there are is told beside them.

        Raises
        ------
        ParameterError : `kind` is no text, or `limit` no number.
        StoreError : the store cannot be reached.
        """
        from pfd.submission.there import choices

        asked, most = a_text("kind", kind), an_integer("limit", limit)
        return choices(self.store, self.plugins, asked or "", MOST_CHOICES if most is None else min(most, MOST_CHOICES))

    def job(self, ref: str) -> Job:
        """A job by its id, a unique prefix of it, or `@last`.  Raises `UnknownJob`."""
        with self.store.read() as connection:
            return jobs.get(connection, jobs.resolve(connection, ref))

    def handle(self, ref: str) -> JobHandle:
        """A handle of an existing job."""
        return JobHandle(self, self.job(ref).id)

    def jobs(
        self,
        state: State | str | Iterable[State | str] | None = None,
        task: str | None = None,
        queue: str | None = None,
        tag: str | None = None,
        parent: str | None = None,
        limit: int | None = 50,
        before: int | None = None,
        *,
        tags: str | Iterable[str] | None = None,
        since: float | datetime | str | None = None,
        until: float | datetime | str | None = None,
        text: str | None = None,
        submitter: str | None = None,
        params: Mapping[str, Any] | None = None,
    ) -> JobList:
        """Jobs that fit all that is given, newest first, without parameters and results.

        Parameters
        ----------
        tag, tags : jobs that have all of these.
        since, until : when they were submitted, the latter not included: seconds since the epoch, a `datetime` with a
            time zone, a text of one (ISO 8601), or how long ago: `"90 s"`, `"5min"`, `"2h"`, `"3d"`, `"1w"`.
        text : a part of the name of the task, of the status, or of the type or message of the failure, in capitals or
            small letters of ASCII.
        submitter : who has submitted them, as the setting says there: `"USER@HOST"`.
        params : values of parameters by name, those of a group by `"group.name"`, as JSON has them: 2 is 2.0, but not
            `"2"` or True.
        limit : how many at most; all where it is None.
        before : where the page begins: `JobList.next` of the page before.

        Raises `ParameterError` for what no job can be looked for with.
        """
        from pfd.client.job_list import JobList
        from pfd.store import listing
        from pfd.store.search import Search
        from pfd.submission.searching import a_moment, a_part, some_params, some_states, some_words

        search = Search(
            states=some_states("state", state),
            task=a_text("task", task),
            queue=a_text("queue", queue),
            tags=(*some_words("tag", a_text("tag", tag)), *some_words("tags", tags)),
            parent_id=a_text("parent", parent),
            since=a_moment("since", since),
            until=a_moment("until", until),
            text=a_part("text", text),
            submitter=a_text("submitter", submitter),
            params=some_params("params", params),
        )
        limit, before = an_integer("limit", limit), an_integer("before", before)
        with self.store.read() as connection:
            one_more = None if limit is None else min(limit + 1, MAX_NUMBER)
            found = listing.listing(connection, search, before=before, limit=one_more)
        shown = found[:limit]
        last = shown[-1].seq if len(found) > len(shown) > 0 else None
        if before is None and len(found) == len(shown):  # this page is all there is
            return JobList(shown, count=shown.__len__)
        return JobList(shown, next=last, count=functools.partial(self._count, search))

    def _count(self, search: Search) -> int:
        from pfd.store import listing

        with self.store.read() as connection:
            return listing.total(connection, search)

    def counts(self) -> dict[tuple[str, State], int]:
        """How many jobs of each (queue, state)."""
        from pfd.store import listing

        with self.store.read() as connection:
            return listing.counts(connection)

    def waiting_for_gpu(self) -> dict[str, int]:
        """By queue, how many jobs could begin if they had a gpu slot."""
        from pfd.store import listing

        with self.store.read() as connection:
            return listing.waiting_for_gpu(connection)

    def claims(self, ref: str) -> list[Claim]:
        """Each run of a job: who ran it, when, and why it was not the last."""
        job = self.job(ref)
        with self.store.read() as connection:
            return [
                Claim(row.number, row.owner, row.claimed_at, row.outcome) for row in claims.history(connection, job.seq)
            ]

    def cancel(self, ref: str) -> Job:
        """End a queued job at once, ask a running one to stop; an ended one is left as it is."""
        from pfd.submission.cancel import cancel

        job = cancel(self._app(self._runtime), lambda connection: jobs.resolve(connection, ref))
        with contextlib.suppress(StoreError):  # it is cancelled, and any sweep goes on with the rest
            if job.state in RUNNING and job.id in self.reclaim():
                return self.job(job.id)
        return job

    def forget(self, ref: str) -> None:
        """Remove an ended job and its files, as pruning does.

        What a client of Celery has been told in a result backend stays there until that forgets it.

        Raises
        ------
        UnknownJob : there is no such job.
        JobError : it has not ended, or is still needed: rows of a plugin or live jobs refer to it, or its parent is
            live; all of it stays.
        SettingsError : PFD_HOME belongs to another store.
        """
        from pfd.retention import forget

        forget(self.store, self.settings.home, self.job(ref))

    def reclaim(self) -> tuple[str, ...]:
        """Reclaim jobs from workers of this machine that are dead, as a live worker's sweep does; their ids.

        They are queued again, end as REVOKED where a cancel was asked for, or fail where they were lost too often.
        Nothing becomes of those of a live worker, or of another machine.  Raises `StoreError`.
        """
        from pfd.events import publish_reclaimed
        from pfd.worker.sweeper import reclaim_from_the_dead

        back = reclaim_from_the_dead(self.store, self.settings)
        publish_reclaimed(self._silent, back)
        return back.ids

    take_back = RenamedAttribute("reclaim")

    def retry(self, ref: str) -> JobHandle:
        """Submit an ended job again, as a new job that names the old.

        Raises
        ------
        UnknownJob : there is no such job.
        JobError : it has not ended.
        DamagedRow : what it was asked for cannot be read.
        """
        old = self.job(ref)
        if old.damage:
            raise damage_of(old)
        if old.state not in ENDED:
            raise JobError(f"job {old.id} is {old.state}", job_id=old.id, hint="only an ended job can be tried again")
        limits = {name: old.options.get(name) for name in ("soft_time_limit", "time_limit")}
        roots = tuple(Path(root) for root in old.options.get("roots", ()))
        return self.submit(
            old.task,
            old.params,
            priority=old.priority,
            queue=old.queue,
            tags=old.tags,
            roots=roots,
            retry_of=old.id,
            **limits,
        )

    def prune(
        self,
        older_than: float | None = None,
        *,
        state: State | str | Iterable[State | str] | None = None,
        task: str | None = None,
        dry_run: bool = False,
    ) -> Pruned:
        """Remove jobs that ended more than `older_than` days ago (the setting `retention` where left out), with their
        files, and folders of no job.

        Jobs that are still needed stay, and it is said why: rows of a plugin refer to them, live jobs do, or their
        parent is live.  With `dry_run` nothing is removed.

        Raises
        ------
        SettingsError : no age is given and none is set, or PFD_HOME belongs to another store.
        ParameterError : that is not an age, that state is not one of an end, or `dry_run` is neither True nor False.
        """
        from pfd.retention import DAY, prune_jobs, remove_orphans, total
        from pfd.store.prune import Which
        from pfd.submission.searching import some_states

        days = a_number("older_than", self.settings.retention if older_than is None else older_than)
        if days is None:
            raise SettingsError(
                "nothing says how old a job is to be", hint="name an age in days, or set retention to keep to one"
            )
        if not days >= 0:
            raise ParameterError(f"older_than={days} is not a number of days")
        states = ENDED if state is None else some_states("state", state)
        a_switch("dry_run", dry_run)
        if live := states - ENDED:
            raise ParameterError(f"state={', '.join(sorted(live))}: only jobs that have ended are pruned")
        which = Which(time.time() - days * DAY, states, a_text("task", task))
        home = self.settings.home
        done = total(prune_jobs(self.store, home, which, dry_run=dry_run))
        return done + total(remove_orphans(self.store, home, dry_run=dry_run))

    def schedule(
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
        """Have a job submitted whenever a cron expression comes round, by whichever worker is there.

        Creates the schedule, or makes the one of that name what is said here; one that is so already is left alone,
        and one that is paused stays so.

        Parameters
        ----------
        cron : minute, hour, day of the month, month, day of the week; or six fields, with seconds before them.
        zone : whose wall clock is meant, such as `"Europe/Berlin"`.
        overlap : `"skip"` where the job of an earlier slot has not ended, or `"allow"` both.
        catch_up : whether the last of the slots that no worker was there for fires once one is.
        options : `key`, `priority`, `queue`, `roots`, `soft_time_limit`, `tags`, `time_limit`, as for `submit`.

        Raises
        ------
        UnknownTask, ParameterError : nothing is stored.
        StoreError : the store cannot be reached.
        """
        from pfd.schedules import table
        from pfd.schedules.define import define

        new = define(
            self.plugins,
            self.settings,
            name,
            cron,
            task,
            {} if params is None else params,
            zone=zone,
            overlap=overlap,
            catch_up=catch_up,
            options=_listed(options),
        )
        with self.store.write() as connection:
            table.put(connection, new)
            return table.get(connection, name)

    def schedules(self) -> list[Schedule]:
        """All schedules, by name, each with the slot that comes next and what became of the last."""
        from pfd.schedules import table

        with self.store.read() as connection:
            return table.listing(connection)

    def find_schedule(self, name: str) -> Schedule:
        """The schedule of that name.  Raises `UnknownSchedule`."""
        from pfd.schedules import table

        with self.store.read() as connection:
            return table.get(connection, name)

    def schedule_slots(self, name: str, limit: int = 20) -> list[ScheduleSlot]:
        """What became of the slots of a schedule, the newest first.  Raises `UnknownSchedule`."""
        from pfd.schedules import table

        with self.store.read() as connection:
            return table.slots(connection, name, an_integer("limit", limit))

    def pause_schedule(self, name: str) -> Schedule:
        """Have a schedule fire no more until it is resumed.  Raises `UnknownSchedule`."""
        from pfd.schedules import table

        with self.store.write() as connection:
            table.pause(connection, name)
            return table.get(connection, name)

    def resume_schedule(self, name: str, *, from_now: bool = False) -> Schedule:
        """Have a paused schedule go on; slots of the meantime are none.

        With `from_now` also one that waits for a clock which was set back (`Schedule.ahead`): slots that it has settled
        ahead of the clock are forgotten, and fire when they come.

        Raises
        ------
        UnknownSchedule : there is none of that name.
        ParameterError : `from_now` is neither True nor False.
        """
        from pfd.schedules import table

        a_switch("from_now", from_now)
        with self.store.write() as connection:
            table.resume(connection, name, from_now=from_now)
            return table.get(connection, name)

    def unschedule(self, name: str) -> None:
        """Remove a schedule; jobs that it has submitted go on.  Raises `UnknownSchedule`."""
        from pfd.schedules import table

        with self.store.write() as connection:
            table.remove(connection, name)

    def workers(self) -> list[WorkerInfo]:
        """Workers that gave a sign of life lately."""
        with self.store.read() as connection:
            present = workers.live(connection)
        return [info for info in present if info.is_recent(self.settings.lease)]

    def running(self, worker_id: str) -> list[Job]:
        """What a worker is running."""
        with self.store.read() as connection:
            return claims.owned(connection, a_text("worker_id", worker_id))

    def log_path(self, ref: str) -> Path:
        """Where the log of a job's latest run lies; it need not exist yet."""
        from pfd.logs.log_file import log_path

        return log_path(self.settings.home, self.job(ref))

    def changes(self, since: str = "", limit: int | None = 1000) -> Changes:
        """Jobs that were submitted, have gone on or ended behind a cursor, and the next cursor.

        In the order of their last change, each as it is now, without parameters and results.  None is left out, whoever
        writes: a job that changes again comes again, with all that has changed meanwhile.  Jobs that are pruned come no
        more.

        Parameters
        ----------
        since : the cursor that was given last; from the beginning where it is empty, and `"now"` for what comes from
            here on.

        Raises
        ------
        ParameterError : `since` is no such cursor, or `limit` no number.
        """
        from pfd.store import feed

        with self.store.read() as connection:
            most = an_integer("limit", limit)
            return feed.read(connection, since, MAX_NUMBER if most is None else most)

    def log(self, ref: str, since: str = "", *, most: int | None = 1 << 20) -> LogPiece:
        """What a job's latest run has printed, about `most` bytes, and a cursor from which the rest is read.

        Raises
        ------
        ParameterError : `since` is no such cursor, or one of another log, or `most` no number of bytes.
        """
        return self._showing(ref).log(since, most)

    def series(self, ref: str, name: str, since: str = "") -> Points:
        """The points of a series that a job has recorded so far, and a cursor from which the further ones are read.

        Raises
        ------
        ParameterError : `since` is no such cursor, or one of another job.
        """
        return self._showing(ref).series(name, since)

    def series_names(self, ref: str) -> tuple[str, ...]:
        """The series that a job has recorded so far."""
        return self._showing(ref).series_names()

    def blocks(self, ref: str) -> tuple[Block, ...]:
        """What a job is shown as, of `pfd.views`: while it runs, and however it has ended."""
        return self._showing(ref).blocks()

    def page(self, ref: str) -> Page:
        """A job as a page for a notebook, with its figures, tables and series; `html` is what `pfd report` writes."""
        return self._showing(ref).page()

    def artifacts(self, ref: str) -> dict[str, Path]:
        """The files of a job's latest run by name: published ones of a job that has succeeded, else what there is."""
        return self._showing(ref).artifacts()

    def _showing(self, ref: str) -> Showing:
        with forks.conversation():  # a fork in the middle of an import leaves a child that waits for it for ever
            from pfd.client.showing import Showing

        return Showing(self.job(ref), self.settings.home, self.plugins, self.store)


def _listed(options: Mapping[str, Any]) -> dict[str, Any]:
    """Options, those that hold several as tuples: one of them stands for itself, and not for its letters."""
    from pfd.submission.options import MAX_MANY

    found = dict(options)
    for name, most in MAX_MANY.items():
        given = found.get(name)
        if isinstance(given, str | Path | JobHandle):
            found[name] = (given,)
        elif isinstance(given, Iterable) and not isinstance(given, bytes):
            # What can be read only once may have no end; one more than may be is enough to be refused.
            found[name] = tuple(given if isinstance(given, Sized) else itertools.islice(given, most + 1))
    if isinstance(parents := found.get("after"), tuple):
        found["after"] = tuple(parent.id if isinstance(parent, JobHandle) else parent for parent in parents)
    return {name: value for name, value in found.items() if value is not None or name not in MAX_MANY}


@dataclass(frozen=True)
class Claim:
    """One run of a job, as the log of claims has it."""

    number: int
    owner: str
    claimed_at: float
    outcome: str | None


_defaults: dict[Settings, Dispatcher] = {}


def default_dispatcher() -> Dispatcher:
    """The dispatcher behind `Task.delay`, for the settings of the environment."""
    settings = load_settings().values
    if settings not in _defaults:
        _defaults[settings] = Dispatcher(settings)
    return _defaults[settings]


def forget_default() -> None:
    """Close the dispatchers behind `Task.delay`."""
    while _defaults:
        _defaults.popitem()[1].close()
