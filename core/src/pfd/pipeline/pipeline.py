"""A pipeline: read, checked as a whole, submitted as a whole, and gone on with after a failure."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pfd.app import App
from pfd.client.dispatcher import Dispatcher
from pfd.client.handle import JobHandle
from pfd.errors import JobError, ParameterError, shown
from pfd.lifecycle import PipelineSubmission, PipelineSubmitted
from pfd.pipeline import check, file
from pfd.pipeline.plan import OutdatedError, Plan, make_plan
from pfd.pipeline.run import RUN, Run, find_run, new_run_id, reserved
from pfd.pipeline.step import Step, order
from pfd.plugins import Registry
from pfd.runtimes.base import load_runtime
from pfd.settings import Settings
from pfd.store import tagged
from pfd.store.encoding import is_storable
from pfd.submission.options import MAX_PATH
from pfd.submission.submit import submit_prepared
from pfd.submission.there import missing_things

_NO_OPTIONS = ("after", "key", "retry_of")
_TRIES = 20


@dataclass(frozen=True)
class Pipeline:
    """A pipeline, checked or not yet.  `problems` are those that the reading of its file has found."""

    name: str
    steps: Mapping[str, Step]
    problems: tuple[str, ...] = ()

    @staticmethod
    def load(path: Path) -> Pipeline:
        """Read a pipeline file.  What is not of the form is told by `check`, together with all else that is wrong.

        Raises
        ------
        ParameterError : the file cannot be read, or is not TOML.
        """
        try:
            path = Path(path)
        except TypeError as error:
            raise ParameterError(f"{shown(path)}: is not a path") from error
        if len(str(path)) > MAX_PATH:
            raise ParameterError(f"{shown(str(path))}: is not a path, which has at most {MAX_PATH} characters")
        found = file.read(path)
        return Pipeline(found.name, found.steps, found.problems)

    def order(self) -> list[str]:
        """Names of the steps, each after those it waits for.  Raises `ParameterError` for steps in a circle."""
        return order(self.steps)

    def check(self, registry: Registry, settings: Settings) -> None:
        """Check the whole before anything is submitted.  Raises `ParameterError` that lists all that is wrong."""
        if not is_storable(self.name) or not self.name:
            raise ParameterError(f"name={shown(self.name)}: is not a name of a pipeline")
        problems = (*self.problems, *check.problems(self.steps, registry, settings))
        if problems:
            raise ParameterError(f"pipeline {self.name!r}: " + "; ".join(problems), problems=problems)

    def submit(self, dispatcher: Dispatcher, **options: Any) -> Run:
        """Check the whole, then submit all steps in one transaction.

        Parameters
        ----------
        options : of all jobs (see `pfd.submission.Options`); a step's own win, and tags are added up.

        Raises
        ------
        ParameterError : lists all that is wrong; nothing is stored.
        StoreError : the store cannot be reached; nothing is stored.
        """
        common = _common(options)
        self.check(dispatcher.plugins, dispatcher.settings)
        plan = make_plan(dispatcher, self.name, self.steps, new_run_id(), common)
        return self._carry_out(dispatcher, plan)

    def resume(self, dispatcher: Dispatcher, run: str | None = None, **options: Any) -> Run:
        """Go on with a run, the latest one unless said otherwise, without doing again what has succeeded.

        A step is kept whose job is live or has succeeded, with the same task and parameters, while its files are still
        there; all others are submitted anew, in one transaction.  Live jobs that no step wants any more are cancelled.

        Parameters
        ----------
        run : id of a run, or of a job of one.
        options : as for `submit`, of the jobs that are submitted anew.

        Raises
        ------
        UnknownJob : there is no run to go on with.
        JobError : nothing is left to do; or what `run` stands for is not a run of this pipeline.
        ParameterError, StoreError : as for `submit`.
        """
        common = _common(options)
        self.check(dispatcher.plugins, dispatcher.settings)
        run_id = find_run(dispatcher, self.name, run)
        for _ in range(_TRIES):
            with dispatcher.store.read() as connection:
                earlier = tagged.read(connection, RUN + run_id)
            plan = make_plan(dispatcher, self.name, self.steps, run_id, common, earlier)
            if plan.done:
                raise JobError(
                    f"all steps of run {run_id} have succeeded: there is nothing to resume",
                    hint="start another run without --resume",
                )
            with contextlib.suppress(OutdatedError):  # something ended, or somebody else has resumed it: look again
                return self._carry_out(dispatcher, plan)
        raise JobError(f"the jobs of run {run_id} change all the time", hint="try again")

    @staticmethod
    def _require_there(dispatcher: Dispatcher, plan: Plan) -> None:
        """Make sure that what steps name is there, but for steps behind others, which may make it."""
        missing = [
            (f"{name}: {problem}", hint)
            for name, new in plan.fresh.items()
            if not new.after
            for problem, hint in missing_things(
                dispatcher.store, dispatcher.plugins, dispatcher.plugins.task(new.task), new.params
            )
        ]
        if missing:
            problems = tuple(problem for problem, _ in missing)
            hints = dict.fromkeys(hint for _, hint in missing if hint)
            raise ParameterError("; ".join(problems), problems=problems, hint="; ".join(hints) or None)

    def _carry_out(self, dispatcher: Dispatcher, plan: Plan) -> Run:
        settings = dispatcher.settings
        self._require_there(dispatcher, plan)
        submission = PipelineSubmission(self.name, plan.run_id, settings)
        with contextlib.closing(load_runtime(settings)) as runtime, _announced(dispatcher, submission):
            submit_prepared(
                App(settings, dispatcher.plugins, dispatcher.store, runtime),
                list(plan.fresh.values()),
                guard=plan.confirm if plan.known else None,
            )
        for queue, gpu in {(new.queue, new.gpu) for new in plan.fresh.values()}:
            dispatcher.tell_unserved(queue, gpu=gpu)
        for job_id in plan.replaced:
            dispatcher.cancel(job_id)
        jobs = {name: (plan.kept.get(name) or plan.fresh[name]).id for name in self.order()}
        handles = {name: JobHandle(dispatcher, job_id) for name, job_id in jobs.items()}
        return Run(plan.run_id, handles, frozenset(plan.kept))


@contextlib.contextmanager
def _announced(dispatcher: Dispatcher, submission: PipelineSubmission) -> Iterator[None]:
    """Tell plugins before and after the steps are stored, which the block does."""
    error: BaseException | None = None
    dispatcher.plugins.notify("pfd_before_pipeline", submission=submission)
    try:
        yield
    except BaseException as raised:
        error = raised
        raise
    finally:
        dispatcher.plugins.notify("pfd_after_pipeline", submitted=PipelineSubmitted(submission, error))


def _common(options: Mapping[str, Any]) -> dict[str, Any]:
    """Options of all jobs.  Raises `ParameterError` for one that makes no sense for several."""
    if wrong := sorted(set(options) & set(_NO_OPTIONS)):
        raise ParameterError(f"{', '.join(wrong)}: is an option of a single job, and not of a pipeline")
    listed: dict[str, tuple[Any, ...]] = {}
    for name in ("tags", "roots"):
        given = options.get(name)
        if given is None:
            given = ()
        elif isinstance(given, str | Path):  # one of them, and not its letters
            given = (given,)
        if not isinstance(given, Collection) or not all(isinstance(one, str | Path) for one in given):
            raise ParameterError(f"{name}={shown(given)}: is not a list of texts")
        listed[name] = tuple(given)
    if problems := tuple(reserved(listed["tags"])):
        raise ParameterError("; ".join(problems), problems=problems)
    return {**options, **listed}
