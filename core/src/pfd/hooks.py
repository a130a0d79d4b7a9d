"""Hook specifications: what a plugin can add.

A plugin is a light module that implements some of these with `@hookimpl` and is named under the entry-point group
`pfd.plugins`.  Each hook takes at most one context object, so that it can grow without breaking anyone.
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pluggy

from pfd.errors import PluginError, shown
from pfd.job import Job, JobFailure, State
from pfd.lazy import RenamedAttribute, warn_renamed
from pfd.settings import Settings
from pfd.task import Task

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pfd.lifecycle import (
        PipelineSubmission,
        PipelineSubmitted,
        PluginsLoaded,
        ProcessStart,
        Sweep,
        WorkerStart,
        WorkerStop,
    )
    from pfd.plugin_settings import PluginSettings

API_VERSION = 1
"""The version of this page.  A plugin that needs another states it as `pfd_api = N` in its manifest module."""

hookspec = pluggy.HookspecMarker("pfd")
hookimpl = pluggy.HookimplMarker("pfd")

_NOUN = re.compile(r"[a-z][a-z0-9_-]*\Z")
_MODULE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*\Z")
_OBJECT = re.compile(rf"{_MODULE.pattern[:-2]}:[A-Za-z_]\w*\Z")


def _check(what: str, *fields: tuple[str, object, re.Pattern[str], str]) -> None:
    """Refuse a declaration of which a field (name, value, pattern, the pattern in words) is of another form."""
    for name, value, pattern, form in fields:
        if not isinstance(value, str) or not pattern.match(value):
            raise PluginError(f"{what}: {name}={shown(value)} is not {form}")


@dataclass(frozen=True)
class Tables:
    """Tables that a plugin owns.

    Parameters
    ----------
    name : prefix of its tables and of its version table.
    module : where the tables are declared, loaded when the store is.
    migrations : package that holds the Alembic revisions.
    head : the newest revision, so that an up-to-date store is seen without loading Alembic.
    upgrade_order : lower numbers are upgraded first; a plugin that refers to another's tables has a higher one.
    files : `"module:function"`, which is given a session and PFD_HOME and returns the `StoredFile` of every file that
        rows of these tables name; None where they name none.
    """

    name: str
    module: str
    migrations: str
    head: str
    upgrade_order: int = 1
    files: str | None = None

    floor = RenamedAttribute("upgrade_order")

    def __post_init__(self) -> None:
        _check(
            f"tables {shown(self.name)}",
            ("name", self.name, re.compile(r"[a-z][a-z0-9_]*\Z"), "made of lower-case letters, digits and underscores"),
            ("module", self.module, _MODULE, "the name of a module, as 'package.records'"),
            ("migrations", self.migrations, _MODULE, "the name of a package, as 'package.migrations'"),
            ("head", self.head, re.compile(r".+\Z"), "the name of a revision"),
            ("files", self.files or "a:b", _OBJECT, "of the form 'package.module:function'"),
        )


class Records(Tables):
    """`Tables`, as it was called, with `floor` for `upgrade_order`."""

    def __init__(
        self, name: str, module: str, migrations: str, head: str, floor: int = 1, files: str | None = None, **now: Any
    ) -> None:
        warn_renamed("pfd.Records(floor=)", "Tables(upgrade_order=)")
        super().__init__(name, module, migrations, head, now.pop("upgrade_order", floor), files, **now)


@dataclass(frozen=True)
class Command:
    """A noun of the command line: `load` names a click command as `"module:attribute"`, loaded on use."""

    name: str
    load: str
    help: str

    def __post_init__(self) -> None:
        _check(
            f"command {shown(self.name)}",
            ("name", self.name, _NOUN, "made of lower-case letters, digits and dashes"),
            ("load", self.load, _OBJECT, "of the form 'package.module:attribute': a command is named, not imported"),
            ("help", self.help, re.compile(""), "a text"),
        )


@dataclass(frozen=True)
class Reference:
    """A kind of things that a plugin keeps and that parameters name, such as datasets.

    Parameters
    ----------
    name : what parameters are marked with: `Annotated[int | str, Refers("dataset")]`.
    find : `"module:function"`, which is given a session of the store and what a parameter holds; it raises `DataError`,
        with a hint, where there is no such thing.
    names : `"module:function"`, which is given a session and gives what can be typed, each with what it is, the newest
        first: a mapping, or pairs one by one, of which no more are taken than are shown or counted.
    row : `"module:Class"`, the table of these things, a `JobRecord` with an `id`: so that a link to one leads to the
        job that made it, and says where it is gone.
    show : the command that shows one, such as `"pfd data show {id}"`.
    parts : kinds of what lies within such a thing, each with the command that shows one:
        `{"recording": "pfd data plot {of} {id} recording.png"}`.  A link that begins later adds `--start SECONDS`.
    """

    name: str
    find: str
    names: str
    row: str = ""
    show: str = ""
    parts: Mapping[str, str] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        form = "of the form 'package.module:function'"
        what = f"reference {shown(self.name)}"
        _check(
            what,
            ("name", self.name, _NOUN, "made of lower-case letters, digits and dashes"),
            ("find", self.find, _OBJECT, form),
            ("names", self.names, _OBJECT, form),
            ("row", self.row or "a:b", _OBJECT, "of the form 'package.module:Class'"),
        )
        for command in (self.show, *self.parts.values()):
            try:
                command.format(id="", of="")
            except (AttributeError, LookupError, ValueError) as error:
                hint = "it may hold {id} and {of}, as in 'pfd data show {id}'"
                raise PluginError(f"{what}: {shown(command)} is no command of a link", hint=hint) from error


@dataclass(frozen=True)
class ResultView:
    """How the result of a task is shown: the fields worth a line, and the artifacts that `pfd open` opens.

    `lines` are lists of sentences, in the result or in the objects of its lists: they are shown whole, each on a line
    behind everything else.

    `blocks` and `live` are `"module:function"`, loaded on use: functions that are given a `JobView` and return blocks
    of `pfd.views`, once the job has succeeded, and before that or where it has not.  Without them, the figures, tables
    and series that the task has kept are shown, and the fields of its result.
    """

    task: str
    fields: tuple[str, ...] = ()
    artifacts: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()
    blocks: str = ""
    live: str = ""

    def __post_init__(self) -> None:
        what = f"result view {shown(self.task)}"
        _check(what, ("task", self.task, re.compile(""), "the name of a task"))
        lists: dict[str, object] = {"fields": self.fields, "artifacts": self.artifacts, "lines": self.lines}
        for name, value in lists.items():
            if not isinstance(value, tuple | list) or not all(isinstance(item, str) for item in value):
                raise PluginError(f"{what}: {name}={shown(value)} is not a tuple of names")
        form = "of the form 'package.module:function'"
        named = [(name, value) for name, value in (("blocks", self.blocks), ("live", self.live)) if value != ""]
        _check(what, *((name, value, _OBJECT, form) for name, value in named))


@dataclass(frozen=True)
class JobSubmission:
    """Given to `pfd_before_submit`, in the process that submits, before the job is stored.

    What an implementation puts into `headers` is kept with the job: a few short texts that JSON can hold.
    """

    job_id: str
    task: str
    queue: str
    parent_id: str | None
    headers: dict[str, str] = field(default_factory=dict)

    carried = RenamedAttribute("headers")


@dataclass(frozen=True)
class JobStart:
    """Given to `pfd_before_job`, in the worker, before the task is called.

    What an implementation puts into `environment` becomes variables of the job's own process, where it has one.
    """

    job: Job
    task: Task
    settings: Settings
    environment: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class JobEnd:
    """Given to `pfd_after_job`, in the process that stored the end of a job, once it is stored.

    That is mostly the worker that ran it.  `seconds` is how long that took: 0 for a job that ended otherwise, by a
    cancel before it began, by the end of a job that it depended on, or because its worker was lost.
    """

    job: Job
    task: Task
    settings: Settings
    seconds: float


class EventKind(enum.StrEnum):
    """What became of a job.  STALE: what the run did is not kept, since the job was another run's by then."""

    SUBMITTED = "submitted"
    CLAIMED = "claimed"
    RETRY = "retry"
    LOST = "lost"
    STALE = "stale"
    SUCCESS = "success"
    FAILURE = "failure"
    REVOKED = "revoked"

    @classmethod
    def of(cls, end: State) -> EventKind:
        """That of a job that ended as `end`."""
        return cls(end.value.lower())


@dataclass(frozen=True)
class JobEvent:
    """Given to `pfd_job_event`, in the process that stored the change.

    LOST is told of a job that is to run again, also by a worker that reclaimed it from another.

    Of an end, `result` is the result as JSON.  `failure` says why a run was not good.  `seconds` is how long the run
    took that is over with this, 0 where there was none.  `job` is the job as it was claimed, where it has not ended.
    """

    kind: EventKind
    job_id: str
    task: str
    queue: str
    result: str | None = None
    failure: JobFailure | None = None
    seconds: float = 0.0
    job: Job | None = None


class Specs:
    """The hooks.  Implementations are called one by one; one that raises is reported and skipped.

    A `SettingsError` refuses, where a hook says so: the program ends with it.
    """

    @hookspec
    def pfd_register_tasks(self) -> Iterable[Task]:
        """Return the tasks of this plugin."""
        raise NotImplementedError

    @hookspec
    def pfd_register_records(self) -> Iterable[Tables]:
        """Return the tables of this plugin, named as strings: listing tasks must not import SQLAlchemy."""
        raise NotImplementedError

    @hookspec
    def pfd_register_commands(self) -> Iterable[Command]:
        """Return the command-line nouns of this plugin."""
        raise NotImplementedError

    @hookspec
    def pfd_register_result_views(self) -> Iterable[ResultView]:
        """Return how results of this plugin's tasks are shown."""
        raise NotImplementedError

    @hookspec
    def pfd_register_references(self) -> Iterable[Reference]:
        """Return the kinds of things that this plugin keeps and that parameters name."""
        raise NotImplementedError

    @hookspec
    def pfd_register_settings(self) -> type[PluginSettings]:
        """Return the settings of this plugin: a class of `PluginSettings`."""
        raise NotImplementedError

    @hookspec
    def pfd_loaded(self, loaded: PluginsLoaded) -> None:
        """See that all plugins are loaded, in every process.  A `SettingsError` refuses."""

    @hookspec
    def pfd_process_start(self, start: ProcessStart) -> None:
        """See a program of PFD begin: a command, a warm server, or the process of a job before its task is called."""

    @hookspec
    def pfd_worker_start(self, start: WorkerStart) -> None:
        """See a worker begin, before it claims jobs.  A `SettingsError` refuses."""

    @hookspec
    def pfd_worker_stop(self, stop: WorkerStop) -> None:
        """See a worker stop: each that has begun, also where its start was refused."""

    @hookspec
    def pfd_sweep(self, sweep: Sweep) -> None:
        """Do what must not be lost: called every few seconds by each worker while the store answers.

        In a thread of its own, and not again before it returns: it holds up neither jobs nor the signs of life.
        """

    @hookspec
    def pfd_before_pipeline(self, submission: PipelineSubmission) -> None:
        """See a pipeline whose steps are about to be stored, in the thread that submits them."""

    @hookspec
    def pfd_after_pipeline(self, submitted: PipelineSubmitted) -> None:
        """See what became of that, in the same thread."""

    @hookspec
    def pfd_before_submit(self, submission: JobSubmission) -> None:
        """See a job that is about to be stored."""

    @hookspec
    def pfd_before_job(self, start: JobStart) -> None:
        """See a job that is about to run."""

    @hookspec
    def pfd_after_job(self, end: JobEnd) -> None:
        """See a job that has ended."""

    @hookspec
    def pfd_job_event(self, event: JobEvent) -> None:
        """See a change of a job: submitted, claimed, retried, lost, ended."""
