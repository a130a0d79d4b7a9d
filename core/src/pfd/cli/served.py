"""Whether what is queued has a live worker that would take it, and what to say where it has none."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from pfd.cli.state import Session
from pfd.job import Job

if TYPE_CHECKING:
    from pfd.store import WorkerInfo


def workers_for_all(session: Session) -> list[WorkerInfo]:
    """Live workers that take anybody's jobs; those with a session serve only the program that they belong to."""
    return [info for info in session.dispatcher.workers() if info.client_id is None]


def unserved(session: Session, jobs: Iterable[Job]) -> list[Job]:
    """Those of the jobs that no live worker would take."""
    if not (jobs := list(jobs)):
        return []
    present = workers_for_all(session)
    return [job for job in jobs if not any(info.takes(job.queue, gpu=job.gpu) for info in present)]


def waiting_for_gpu(session: Session) -> dict[str, int]:
    """By queue, how many jobs wait for a gpu slot that no live worker has."""
    present = workers_for_all(session)
    counts = session.dispatcher.waiting_for_gpu()
    return {queue: n for queue, n in counts.items() if not any(info.takes(queue, gpu=True) for info in present)}


def no_worker(jobs: Iterable[Job]) -> list[str]:
    """Lines to say of jobs that no live worker would take."""
    jobs = list(jobs)
    lines = []
    if names := ",".join(sorted({job.queue for job in jobs if not job.gpu})):
        lines.append(f"note: no live worker serves the queue {names}; start one with 'pfd worker --queues {names}'")
    if names := ",".join(sorted({job.queue for job in jobs if job.gpu})):
        lines.append(f"note: {no_gpu(names)}; {GPU_HINT.format(names)}")
    return lines


def no_gpu(queues: str) -> str:
    return f"no live worker has a gpu slot for the queue {queues}"


GPU_HINT = "start one where there is a device, with 'pfd worker --queues {}'"


def on_device(item: tuple[str, int]) -> str:
    """A device and its number of slots, in words."""
    device, number = item
    return f"gpu {device}" + (f" ({number} slots)" if number > 1 else "")
