"""What a run of a pipeline still has to do: which jobs of earlier are kept, and which are submitted anew."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.engine import Connection

from pfd.artifacts import published
from pfd.client.dispatcher import Dispatcher, process_client_id
from pfd.errors import ArtifactError
from pfd.job import ENDED, LIVE, Job, State
from pfd.pipeline.run import RUN, STEP, step_tags, tagged
from pfd.pipeline.step import Step, order
from pfd.store import NewJob
from pfd.store import tagged as tagged_jobs
from pfd.store.encoding import decode, encode
from pfd.store.tagged import Standing, Tagged
from pfd.submission.options import make_options
from pfd.submission.submit import Origin, prepare


class OutdatedError(Exception):
    """A job that a plan rests on has changed since the plan was made."""


@dataclass(frozen=True)
class Plan:
    """The job of each step, by name in order of running: one that is there already, or one yet to be stored.

    `replaced` holds ids of live jobs of the run that no step wants any more, `known` those of all its jobs.
    """

    run_id: str
    kept: Mapping[str, Job]
    fresh: Mapping[str, NewJob]
    replaced: tuple[str, ...] = ()
    known: frozenset[str] = frozenset()

    @property
    def done(self) -> bool:
        """Whether there is nothing left to do or to wait for."""
        return not self.fresh and all(job.state in ENDED for job in self.kept.values())

    def confirm(self, connection: Connection) -> None:
        """Make sure, until the end of this transaction, that the plan still holds; and take over what is kept.

        Raises
        ------
        OutdatedError : it does not; nothing is to be submitted by it.
        """
        standing = tagged_jobs.hold(connection, RUN + self.run_id)
        if standing.keys() != self.known or not all(_is_good(standing[job.id]) for job in self.kept.values()):
            raise OutdatedError
        # A worker in this process takes only what this process has submitted, and resuming is that as well.
        tagged_jobs.adopt(connection, [job.id for job in self.kept.values()], process_client_id())


def make_plan(
    dispatcher: Dispatcher,
    pipeline: str,
    steps: Mapping[str, Step],
    run_id: str,
    options: Mapping[str, Any],
    earlier: Sequence[Tagged] = (),
) -> Plan:
    """Plan a run.

    A step is kept where one of its `earlier` jobs (newest first) is live or has succeeded, with the same task and
    parameters, waits or waited for the same jobs, and its files are still there.  References are compared by job, so
    that what is below a step submitted anew is submitted anew as well.
    """
    by_step: dict[str | None, list[Tagged]] = {}
    for old in earlier:
        by_step.setdefault(tagged(old.job, STEP), []).append(old)
    ids: dict[str, str] = {}
    kept: dict[str, Job] = {}
    fresh: dict[str, NewJob] = {}
    for name in order(steps):
        step = steps[name]
        after = [ids[parent] for parent in step.parents()]
        tags = (*options.get("tags", ()), *step.options.get("tags", ()), *step_tags(pipeline, run_id, name))
        task = dispatcher.plugins.task(step.task)
        chosen = make_options(task, {**options, **step.options, "tags": tags, "after": after})
        new = prepare(task, step.filled(ids), chosen, Origin(process_client_id()), dispatcher.settings)
        same = (old.job for old in by_step.get(name, ()) if _is_same(old, new))
        if found := next((job for job in same if _is_usable(job, dispatcher)), None):
            kept[name] = found
            ids[name] = found.id
        else:
            fresh[name] = new
            ids[name] = new.id
    wanted = {job.id for job in kept.values()}
    return Plan(
        run_id,
        kept,
        fresh,
        tuple(old.job.id for old in earlier if old.job.state in LIVE and old.job.id not in wanted),
        frozenset(old.job.id for old in earlier),
    )


def _is_same(old: Tagged, new: NewJob) -> bool:
    return (
        old.job.task == new.task
        and old.after == frozenset(new.after)
        and _canonical(old.job.params) == _canonical(decode(encode(dict(new.params))))
    )


def _canonical(params: Any) -> str:
    """As text, in which 1, 1.0 and true are three things."""
    return json.dumps(params, sort_keys=True)


def _is_good(standing: Standing) -> bool:
    return standing.state is State.SUCCESS or (standing.state in LIVE and not standing.cancel_requested)


def _is_usable(job: Job, dispatcher: Dispatcher) -> bool:
    if not _is_good(Standing(job.state, job.cancel_requested)):
        return False
    try:
        for item in job.artifacts:
            published(dispatcher.settings.home, job, item.name)
    except ArtifactError:
        return False
    return True
