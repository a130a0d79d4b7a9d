"""Workers: their rows, their signs of life, and the end of those that gave none."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from pfd.errors import StaleClaim
from pfd.store import claims
from pfd.store.encoding import decode, encode
from pfd.store.schema import IS_RUNNING, jobs, workers
from pfd.store.settle import Ended


@dataclass(frozen=True)
class WorkerInfo:
    """A worker as others see it.

    `slots` maps a queue (or several, comma-separated) to a number of slots, `gpus` a device to a number of gpu slots.
    """

    id: str
    name: str
    runtime: str
    slots: dict[str, int]
    session: str | None
    beat: int
    started_at: float
    seen_at: float
    gpus: dict[str, int] = field(default_factory=dict)

    @property
    def queues(self) -> frozenset[str]:
        return frozenset(queue for names in self.slots for queue in names.split(","))


def register(connection: Connection, info: WorkerInfo) -> None:
    texts = {"slots": encode(info.slots), "gpus": encode(info.gpus)}
    connection.execute(workers.insert().values(**{**info.__dict__, **texts}))


def beat(connection: Connection, worker_id: str) -> bool:
    """Give a sign of life.  False where others have already given this worker up for lost."""
    done = connection.execute(
        workers.update().where(workers.c.id == worker_id).values(beat=workers.c.beat + 1, seen_at=time.time())
    )
    return bool(done.rowcount)


def leave(connection: Connection, worker_id: str) -> None:
    """A worker that stops in good order takes its row away."""
    connection.execute(workers.delete().where(workers.c.id == worker_id))


def live(connection: Connection) -> list[WorkerInfo]:
    rows = connection.execute(sa.select(workers).order_by(workers.c.started_at))
    return [_info(row._asdict()) for row in rows]


@dataclass(frozen=True)
class TakenBack:
    """What became of the jobs of a worker that was given up: ids of all of them, and those that ended by it."""

    ids: tuple[str, ...] = ()
    ended: tuple[Ended, ...] = ()


def lapse(connection: Connection, info: WorkerInfo, *, max_lost: int) -> TakenBack | None:
    """Give up a worker whose counter has not moved, and take its jobs back; None where it has shown life since."""
    done = connection.execute(workers.delete().where(workers.c.id == info.id, workers.c.beat == info.beat))
    if not done.rowcount:
        return None
    return _take_back(connection, info.id, max_lost, f"worker {info.name} gave no sign of life")


def take_back_orphans(connection: Connection, owner: str, *, max_lost: int) -> TakenBack:
    """Take back the jobs of an owner that has no row; none where it has registered again meanwhile."""
    if connection.execute(sa.select(workers.c.id).where(workers.c.id == owner)).first():
        return TakenBack()
    return _take_back(connection, owner, max_lost, "its worker left without it")


def _take_back(connection: Connection, owner: str, max_lost: int, reason: str) -> TakenBack:
    taken: list[str] = []
    ended: list[Ended] = []
    for job in claims.owned(connection, owner):
        with contextlib.suppress(StaleClaim):  # it ended meanwhile, or another sweeper was faster
            ended += claims.lost(connection, job, max_lost=max_lost, reason=reason)
            taken.append(job.id)
    return TakenBack(tuple(taken), tuple(ended))


def orphans(connection: Connection) -> list[str]:
    """Owners of running jobs that have no row any more: a worker that left, or was removed, with jobs in hand."""
    query = sa.select(jobs.c.owner).where(IS_RUNNING, jobs.c.owner.notin_(sa.select(workers.c.id))).distinct()
    return [str(owner) for owner in connection.execute(query).scalars()]


def _info(row: Mapping[str, Any]) -> WorkerInfo:
    return WorkerInfo(**{**row, "slots": decode(row["slots"]), "gpus": decode(row["gpus"])})
