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

    `damage` says of columns that cannot be read why, where something else than PFD has written to the store; the fields
    of these are empty.  One that is `light` was read for a list, without parameters, options and result.
    """

    seq: int
    id: str
    task: str
    queue: str
    state: State
    priority: int
    progress: float
    status: str
    created_at: float
    due_at: float
    started_at: float | None
    ended_at: float | None
    attempt: int
    lost: int
    claim: int | None
    owner: str | None
    cancel_requested: bool
    parent_id: str | None
    level: int
    retry_of: str | None
    key: str | None
    client_id: str | None
    waiting: int
    gpu: bool = False
    meta: dict[str, Any] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    params: dict[str, Any] = field(default_factory=dict)
    result: dict[str, Any] | None = None
    failure: JobFailure | None = None
    artifacts: tuple[ArtifactFile, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)
    damage: dict[str, str] = field(default_factory=dict)
    light: bool = False

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
