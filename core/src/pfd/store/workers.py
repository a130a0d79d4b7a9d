"""Workers: their rows, their signs of life, and the end of those that gave none."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from pfd.errors import SettingsError, StaleClaim
from pfd.job import Job
from pfd.store import claims
from pfd.store.encoding import clean_text, encode
from pfd.store.rows import an_object, wrong_types
from pfd.store.schema import IS_RUNNING, jobs, workers
from pfd.store.settle import EndedJob
from pfd.vitals import WorkerInfo

MAX_NAME, MAX_RUNTIME, MAX_METRICS, MAX_SLOTS = 200, 50, 300, 64 * 1024
"""Characters of the names of a worker and its runtime, and of where it serves metrics; bytes of its slots as JSON."""


def register(connection: Connection, info: WorkerInfo) -> None:
    """Store the row of a worker.  Raises `SettingsError` where its slots are too many to be stored."""
    texts = {"slots": encode(info.slots), "gpus": encode(info.gpus)}
    texts |= {"name": clean_text(info.name[:MAX_NAME]), "runtime": clean_text(info.runtime[:MAX_RUNTIME])}
    if info.metrics is not None:  # as a plugin has said
        texts["metrics"] = clean_text(info.metrics[:MAX_METRICS])
    if (size := len(texts["slots"]) + len(texts["gpus"])) > MAX_SLOTS:
        raise SettingsError(f"the slots of this worker take {size} bytes of JSON, more than {MAX_SLOTS}")
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
    rows = connection.execute(sa.select(*(c.label(c.key) for c in workers.c)).order_by(workers.c.started_at))
    return [_info(row._asdict()) for row in rows]


@dataclass(frozen=True)
class Reclaimed:
    """Jobs of a worker that was given up, as they were; and what ended by it, they or what hung on them."""

    jobs: tuple[Job, ...] = ()
    ended: tuple[EndedJob, ...] = ()

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(job.id for job in self.jobs)

    @property
    def again(self) -> tuple[Job, ...]:
        """Those that are to run again."""
        over = {one.id for one in self.ended}
        return tuple(job for job in self.jobs if job.id not in over)

    def __add__(self, other: Reclaimed) -> Reclaimed:
        return Reclaimed(self.jobs + other.jobs, self.ended + other.ended)


def lapse(connection: Connection, info: WorkerInfo, *, max_lost: int) -> Reclaimed | None:
    """Give up a worker whose counter has not moved, and take its jobs back; None where it has shown life since."""
    done = connection.execute(workers.delete().where(workers.c.id == info.id, workers.c.beat == info.beat))
    if not done.rowcount:
        return None
    lost = claims.owned(connection, info.id)
    return reclaim(connection, lost, max_lost=max_lost, reason=f"worker {info.name} gave no sign of life")


def reclaim_orphans(connection: Connection, owner: str, *, max_lost: int) -> Reclaimed:
    """Reclaim the jobs of an owner that has no row; none where it has registered again meanwhile."""
    if connection.execute(sa.select(workers.c.id).where(workers.c.id == owner)).first():
        return Reclaimed()
    return reclaim(connection, claims.owned(connection, owner), max_lost=max_lost, reason="its worker left without it")


def reclaim(connection: Connection, lost: Iterable[Job], *, max_lost: int, reason: str) -> Reclaimed:
    """Reclaim running jobs; one that has ended meanwhile, or that another sweeper was faster with, is left out."""
    back = Reclaimed()
    for job in lost:
        with contextlib.suppress(StaleClaim):
            ended = claims.lost(connection, job, max_lost=max_lost, reason=reason)
            back += Reclaimed((job,), tuple(ended))
    return back


def orphans(connection: Connection) -> list[str]:
    """Owners of running jobs that have no row any more: a worker that left, or was removed, with jobs in hand."""
    query = sa.select(jobs.c.owner).where(IS_RUNNING, jobs.c.owner.notin_(sa.select(workers.c.id))).distinct()
    return [str(owner) for owner in connection.execute(query).scalars()]


def _info(row: Mapping[str, Any]) -> WorkerInfo:
    """A worker from its row, as far as it can be read: one that is damaged may be lost as any other."""
    wrong = wrong_types(workers, row)
    # The counter is only compared, and has to be found again as it is stored.
    values = {name: _NEUTRAL.get(name, value) if name in wrong else value for name, value in row.items()}
    return WorkerInfo(**{**values, "slots": _slots(values["slots"]), "gpus": _slots(values["gpus"])})


def _slots(text: str) -> dict[str, int]:
    try:
        return {name: number for name, number in an_object(text).items() if type(number) is int}
    except ValueError:
        return {}


_NEUTRAL: dict[str, Any] = {
    **dict.fromkeys(("name", "runtime"), ""),
    **dict.fromkeys(("slots", "gpus"), "{}"),
    **dict.fromkeys(("client_id", "metrics", "lease")),
    **dict.fromkeys(("started_at", "seen_at"), 0.0),
}
