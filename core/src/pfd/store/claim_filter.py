"""What a worker can take, and as conditions on the rows of jobs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pfd.store.schema import (
    IS_COORDINATOR,
    IS_GPU,
    IS_NO_COORDINATOR,
    IS_NO_GPU,
    IS_NOT_WAITING,
    IS_QUEUED,
    jobs,
)


@dataclass(frozen=True)
class ClaimFilter:
    """What a worker can take: its own id, the queues and tasks it serves, and the client it is confined to.

    Tasks that wait for children are taken apart from all others: `coordinators` says which kind is meant, and
    `full_levels` at which depths no more of them are wanted.  `gpu` says whether jobs are wanted that need a gpu slot,
    or those that do not; None stands for both.
    """

    owner: str
    queues: tuple[str, ...]
    tasks: tuple[str, ...]
    client_id: str | None = None
    coordinators: bool = False
    full_levels: tuple[int, ...] = ()
    gpu: bool | None = False


def takeable(wanted: ClaimFilter) -> list[Any]:
    """What is asked of a job, but that it is due."""
    conditions = [jobs.c.queue.in_(wanted.queues), jobs.c.task.in_(wanted.tasks), *takeable_of_kind(wanted)]
    if wanted.gpu is not None:
        conditions.append(IS_GPU if wanted.gpu else IS_NO_GPU)
    return conditions


def takeable_of_kind(wanted: ClaimFilter) -> list[Any]:
    """The same of a job whose queue, task and need of a GPU are known to be wanted."""
    conditions: list[Any] = [IS_QUEUED, IS_COORDINATOR if wanted.coordinators else IS_NO_COORDINATOR, IS_NOT_WAITING]
    if wanted.full_levels:
        conditions.append(jobs.c.level.notin_(wanted.full_levels))
    if wanted.client_id is not None:
        conditions.append(jobs.c.client_id == wanted.client_id)
    return conditions
