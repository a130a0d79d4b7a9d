"""`pfd workers` lists who runs jobs, and which."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from pfd.cli.codes import say
from pfd.cli.live import elapsed, standing
from pfd.cli.output import ago, short, span
from pfd.cli.served import GPU_HINT, no_gpu, on_device, waiting_for_gpu
from pfd.cli.state import Session, json_option, pass_session
from pfd.console import echo, print_json, print_table
from pfd.job import Job
from pfd.plugins import Registry

if TYPE_CHECKING:
    from pfd.store import WorkerInfo

WORKERS = ("worker", "runtime", "busy", "slots", "age", "seen", "metrics")
JOBS = ("job", "task", "queue", "worker", "done", "status", "attempt", "for")
STATUS = 5


@click.command()
@json_option
@pass_session
def workers(session: Session, as_json: bool) -> None:
    """List live workers and what they run.

    BUSY is how many slots are taken, and how many there are; +1 stands for a coordinator, which takes none.  METRICS is
    where a worker tells how it is, if PFD_METRICS says so: /metrics and /health.
    """
    dispatcher = session.dispatcher
    found = [(info, dispatcher.running(info.id)) for info in dispatcher.workers()]
    if as_json:
        print_json(
            [dataclasses.asdict(info) | {"running": [_brief(job) for job in running]} for info, running in found]
        )
        return
    if found:
        _show(found, session.registry)
    else:
        echo("no live worker; start one with 'pfd worker'")
    if lonely := waiting_for_gpu(session):
        names, number = ",".join(lonely), sum(lonely.values())
        jobs = "1 job waits" if number == 1 else f"{number} jobs wait"
        say(f"note: {jobs} for a gpu slot: {no_gpu(names)}; {GPU_HINT.format(names)}")


def _show(found: Sequence[tuple[WorkerInfo, list[Job]]], registry: Registry) -> None:
    print_table(WORKERS, [_worker(info, running, registry) for info, running in found], right={2, 4, 5})
    if rows := [_job(job, info) for info, running in found for job in running]:
        echo()
        print_table(JOBS, rows, right={4, 6, 7}, wide=STATUS, optional=(6, 2))


def _worker(info: WorkerInfo, running: list[Job], registry: Registry) -> list[object]:
    apart = sum(task.coordinator for job in running if (task := registry.tasks.get(job.task)))
    busy = f"{len(running) - apart}/{sum(info.slots.values()) + sum(info.gpus.values())}" + (
        f" +{apart}" if apart else ""
    )
    return [info.name, info.runtime, busy, _slots(info), ago(info.started_at), ago(info.seen_at), info.metrics]


def _slots(info: WorkerInfo) -> str:
    parts = [f"{number} of {names.replace(',', ', ')}" for names, number in info.slots.items()]
    return "; ".join([*parts, *map(on_device, info.gpus.items())])


def _job(job: Job, info: WorkerInfo) -> list[object]:
    done, runs = f"{job.progress:.0%}", span(elapsed(job))
    return [short(job.id), job.task, job.queue, info.name, done, standing(job), job.attempt, runs]


def _brief(job: Job) -> dict[str, Any]:
    return {
        "id": job.id,
        "task": job.task,
        "queue": job.queue,
        "state": job.state,
        "progress": job.progress,
        "status": job.status,
        "attempt": job.attempt,
        "seconds": elapsed(job),
    }
