"""A run of a pipeline: the jobs that its steps became, and how a later process finds them again.

Its jobs carry three tags: `pipeline:NAME`, `run:ID` and `step:NAME`.  So `pfd jobs --tag` lists a pipeline or a run,
and a job that 'pfd retry' made of a step belongs to the run as well.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from pfd.client.dispatcher import Dispatcher
from pfd.client.handle import JobHandle
from pfd.errors import JobError, UnknownJob, shown
from pfd.job import Job
from pfd.store.encoding import is_storable
from pfd.submission.options import MAX_TAG

PIPELINE, RUN, STEP = "pipeline:", "run:", "step:"


@dataclass(frozen=True, eq=False)
class Run(Mapping[str, JobHandle]):
    """The jobs of a run by the names of their steps, in order of running.

    Parameters
    ----------
    id : names the run, also for other processes.
    handles : one for each step.
    kept : steps whose jobs were there before: they have succeeded, or go on.
    """

    id: str
    handles: Mapping[str, JobHandle]
    kept: frozenset[str] = field(default_factory=frozenset)

    def __getitem__(self, step: str) -> JobHandle:
        return self.handles[step]

    def __iter__(self) -> Iterator[str]:
        return iter(self.handles)

    def __len__(self) -> int:
        return len(self.handles)


def new_run_id() -> str:
    return uuid.uuid4().hex[:16]


def pipeline_tag(name: str) -> str:
    """The tag of all runs of a pipeline; of a name too long for a tag its beginning, and a digest of all of it."""
    tag = PIPELINE + name
    if len(tag) <= MAX_TAG:
        return tag
    digest = "~" + hashlib.sha256(name.encode()).hexdigest()[:16]
    return tag[: MAX_TAG - len(digest)] + digest


def step_tags(pipeline: str, run_id: str, step: str) -> tuple[str, ...]:
    """The tags that say which step of which run a job is."""
    return pipeline_tag(pipeline), RUN + run_id, STEP + step


def tagged(job: Job, prefix: str) -> str | None:
    """What a job's tag of that prefix says."""
    return next((tag.removeprefix(prefix) for tag in job.tags if tag.startswith(prefix)), None)


def reserved(tags: Iterable[object]) -> Iterator[str]:
    """What is wrong with tags that would be taken for those of a run."""
    for tag in tags:
        if isinstance(tag, str) and tag.startswith((PIPELINE, RUN, STEP)):
            own = f"what begins with {PIPELINE!r}, {RUN!r} or {STEP!r} is given by the pipeline itself"
            yield f"tag {shown(tag)}: {own}"


def find_run(dispatcher: Dispatcher, pipeline: str, ref: str | None) -> str:
    """The id of a run: of the latest one of a pipeline, or of the one that `ref` or the job `ref` belongs to.

    Raises
    ------
    UnknownJob : there is none.
    JobError : what `ref` stands for is not a run of this pipeline.
    """
    if ref is None:
        latest = dispatcher.jobs(tag=pipeline_tag(pipeline), limit=1)
        found = tagged(latest[0], RUN) if latest else None
        if found is None:
            raise UnknownJob(
                f"pipeline {pipeline!r} has not been run: there is nothing to resume",
                hint="start it without --resume; the name of a pipeline is the 'name' in its file, else the file's",
            )
        return found
    if not is_storable(ref):
        raise UnknownJob(f"there is no run {shown(ref)}", hint="'pfd jobs --tag run:ID' lists the jobs of a run")
    of_run = dispatcher.jobs(tag=RUN + ref, limit=1)
    job = of_run[0] if of_run else _job(dispatcher, ref)
    found = tagged(job, RUN)
    if found is None:
        raise JobError(f"job {job.id} is not a step of a pipeline", job_id=job.id, hint="name a run, or a job of one")
    if pipeline_tag(pipeline) not in job.tags:
        raise JobError(
            f"run {found} is one of pipeline {tagged(job, PIPELINE)!r}, and not of {pipeline!r}",
            job_id=job.id,
            hint="the name of a pipeline is the 'name' in its file, else the file's",
        )
    return found


def _job(dispatcher: Dispatcher, ref: str) -> Job:
    try:
        return dispatcher.job(ref)
    except UnknownJob as error:
        raise UnknownJob(
            f"there is no run {ref[:80]}, and {error}", hint="'pfd jobs --tag run:ID' lists the jobs of a run"
        ) from error
