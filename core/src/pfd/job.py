"""A job: one run of a task with given parameters, its states and the moves between them."""

from __future__ import annotations

import dataclasses
import enum
import re
from dataclasses import dataclass, field
from typing import Any

from pfd.hints import Hint
from pfd.lazy import RenamedAttribute


class State(enum.StrEnum):
    """Celery's states, so that a client of Celery needs no new words."""

    PENDING = "PENDING"
    STARTED = "STARTED"
    PROGRESS = "PROGRESS"
    RETRY = "RETRY"
    SUCCESS = "SUCCESS"
    FAILURE = "FAILURE"
    REVOKED = "REVOKED"

    @property
    def has_ended(self) -> bool:
        """Whether a job in this state is over, well or badly, and stays so."""
        return self in ENDED


LAST_TIME = 253_402_300_799
"""The last second of the year 9999: no calendar goes further."""

QUEUED = frozenset({State.PENDING, State.RETRY})
RUNNING = frozenset({State.STARTED, State.PROGRESS})
LIVE = QUEUED | RUNNING
ENDED = frozenset({State.SUCCESS, State.FAILURE, State.REVOKED})

MOVES: dict[State, frozenset[State]] = {
    State.PENDING: frozenset({State.STARTED, State.FAILURE, State.REVOKED}),
    State.RETRY: frozenset({State.STARTED, State.FAILURE, State.REVOKED}),
    State.STARTED: frozenset({State.PROGRESS, State.RETRY, *ENDED}),
    State.PROGRESS: frozenset({State.PROGRESS, State.RETRY, *ENDED}),
    State.SUCCESS: frozenset(),
    State.FAILURE: frozenset(),
    State.REVOKED: frozenset(),
}


_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def is_job_id(identity: object) -> bool:
    """Whether a job can have that id: a UUID in lower case.  Folders are named after it, so that no other will do."""
    return isinstance(identity, str) and _ID.fullmatch(identity) is not None


@dataclass(frozen=True)
class JobFailure:
    """Why a job ended badly, as it is stored and shown."""

    type: str
    message: str
    traceback: str = ""
    hint: str | None = None


@dataclass(frozen=True)
class ArtifactFile:
    """A published file of a job: its name inside the job's folder and its size in bytes."""

    name: str
    size: int


@dataclass(frozen=True)
class Job:
    """One row of the job table, as read.  Times are seconds since the epoch, UTC.

    Where something else than PFD has written to the store, what cannot be read is in `damage`.
    """

    seq: int
    """Its number in the store, which only grows."""
    id: str
    """A UUID in lower case: what it is called everywhere."""
    task: str
    """The name of its task."""
    queue: str
    """Whose workers may claim it."""
    state: State
    """PENDING and RETRY wait, STARTED and PROGRESS run, SUCCESS, FAILURE and REVOKED have ended."""
    priority: int
    """Of several that could begin, the one with the highest number does."""
    progress: float
    """0 to 1; never goes back within an attempt."""
    status: str
    """What the task does just now, in one line."""
    created_at: float
    """When it was stored."""
    due_at: float
    """Not claimed before; 0 where it may begin at once."""
    started_at: float | None
    """When its latest run was claimed."""
    ended_at: float | None
    """When its end was written."""
    attempt: int
    """How many runs have been begun that count: a run that was lost or requeued does not."""
    lost: int
    """How many runs were lost with their worker."""
    claim: int | None
    """The number of its latest run.  Each write of a run names its own, and is refused where it is not this one."""
    owner: str | None
    """The id of the worker that runs it, or ran it last."""
    cancel_requested: bool
    """Whether a cancel was asked for while it ran."""
    parent_id: str | None
    """The job whose child it is: cancelled where that ends badly."""
    level: int
    """How many parents it has above it."""
    retry_of: str | None
    """The ended job that it was submitted again for."""
    key: str | None
    """No two live jobs have the same: the second submission is given the first job."""
    client_id: str | None
    """The client that submitted it: a process.  A worker may be confined to the jobs of one."""
    waiting: int
    """How many jobs have to succeed before it can be claimed."""
    gpu: bool = False
    """Whether it needs a slot that is bound to a device."""
    meta: dict[str, Any] = field(default_factory=dict)
    """What else the task reported with its progress."""
    tags: tuple[str, ...] = ()
    """Names that it is found by."""
    params: dict[str, Any] = field(default_factory=dict)
    """The parameters as they were validated, with the defaults."""
    result: dict[str, Any] | None = None
    """What the task returned; None until it has succeeded."""
    failure: JobFailure | None = None
    """Why it ended as FAILURE or REVOKED."""
    artifacts: tuple[ArtifactFile, ...] = ()
    """The files that it has published, once it has succeeded."""
    submitter: str = ""
    """Who has submitted it: the user and the machine, or what the setting `submitter` says there."""
    options: dict[str, Any] = field(default_factory=dict)
    """What else it was submitted with: limits of its time, allowed folders, headers of hooks."""
    damage: dict[str, str] = field(default_factory=dict)
    """Of columns that cannot be read, why; the fields of these are empty."""
    light: bool = False
    """Whether it was read for a list, without parameters, options and result."""

    session = RenamedAttribute("client_id")

    @property
    def info(self) -> dict[str, Any]:
        """Celery's `AsyncResult.info`: progress, status text and whatever else the task reported."""
        return {**self.meta, "progress": self.progress, "status": self.status}

    def to_dict(self) -> dict[str, Any]:
        """The job as JSON knows it: what `pfd job --json` prints of it, under the same names.

        Times are seconds since the epoch, and a hint is in the words of a shell.  A light job comes without `params`,
        `options` and `result`, and `damage` is there only where there is any.
        """
        left_out = {"seq", "light", *(() if self.damage else ("damage",)), *(_HEAVY if self.light else ())}
        found = {name: value for name, value in dataclasses.asdict(self).items() if name not in left_out}
        lists = {name: list(found[name]) for name in ("tags", "artifacts")}
        if self.failure is not None and self.failure.hint is not None:
            found["failure"]["hint"] = Hint(self.failure.hint).in_shell()
        return found | {"state": self.state.value} | lists


_HEAVY = ("params", "options", "result")
