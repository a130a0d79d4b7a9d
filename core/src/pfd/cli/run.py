"""`pfd run`: a pipeline file, followed step by step."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pfd.cli import output
from pfd.cli.codes import say
from pfd.cli.live import Attendant, elapsed, follow, named, open_display, standing
from pfd.cli.outcome import apart, as_dict, brief, show_lines
from pfd.cli.served import no_worker, unserved
from pfd.cli.state import Session, json_option, pass_session
from pfd.console import echo, print_json, print_table
from pfd.errors import ParameterError
from pfd.hints import Hint
from pfd.job import ENDED, LIVE, Job, State

if TYPE_CHECKING:
    from pfd.pipeline import Pipeline, Run

SLOTS = 2
"""Steps at once where the worker is this process."""

MOST_PROBLEMS = 50
"""Lines that a bad file is worth."""


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.argument("earlier", metavar="[RUN]", required=False)
@click.option("--resume", is_flag=True, help="Go on with an earlier run: the latest, or RUN.")
@click.option("--wait/--no-wait", default=True, show_default=True, help="Wait for the end of all steps.")
@click.option("--tag", "tags", multiple=True, help="A word to find the jobs by; may be repeated.")
@json_option
@pass_session
def run(
    session: Session, file: Path, earlier: str | None, resume: bool, wait: bool, tags: tuple[str, ...], as_json: bool
) -> int:
    """Run the pipeline in FILE (TOML).

    All steps are checked before any is submitted, and all that is wrong is listed at once (exit code 2).  Exits 0 when
    every step has succeeded, else 1.

    \b
    [steps.data]
    task = "generate_dataset_task"
    [steps.features]
    task = "extract_features_task"
    params = { dataset = "${data.dataset_id}" }

    After a failure, a cancel or Ctrl-C, --resume goes on without doing again what has succeeded.  A step that was
    changed since, and what uses its result, is done again.  RUN is the id of a run, or of a job of one.
    """
    from pfd.pipeline import Pipeline

    if earlier is not None and not resume:
        raise click.UsageError(f"{earlier} names an earlier run, which only --resume asks for")
    session.announce()
    pipeline = Pipeline.load(file)
    _check(session, file, pipeline)
    if resume:
        handles = pipeline.resume(session.dispatcher, earlier, tags=tags)
        say(_resumed(handles))
    else:
        handles = pipeline.submit(session.dispatcher, tags=tags)
    if not wait:
        _show_submitted(session, {name: handle.job for name, handle in handles.items()}, as_json)
        return 0
    try:
        with open_display(err=as_json) as display, Attendant(session, display, here=True, slots=SLOTS) as attendant:
            jobs = follow(display, handles, attendant)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(_left(session, file, [handle.id for handle in handles.values()])) from None
    _show_ended(session, jobs, as_json)
    if all(job.state is State.SUCCESS for job in jobs.values()):
        return 0
    say(f"hint: {_resuming(file)} goes on without doing again what has succeeded")
    return 1


def _check(session: Session, file: Path, pipeline: Pipeline) -> None:
    """Check the whole; problems are listed one a line.  Raises `ParameterError`."""
    try:
        pipeline.check(session.registry, session.settings)
    except ParameterError as error:
        if len(error.problems) < 2:
            raise ParameterError(f"{file}: {'; '.join(error.problems)}", hint=error.hint) from error
        for problem in error.problems[:MOST_PROBLEMS]:
            say(f"  {problem}")
        if (more := len(error.problems) - MOST_PROBLEMS) > 0:
            say(f"  … and {more} more")
        raise ParameterError(f"{file}: {len(error.problems)} problems, listed above", hint=error.hint) from error


def _resuming(file: Path) -> str:
    return f"'pfd run {shlex.quote(str(file))} --resume'"


def _resumed(run: Run) -> str:
    """What is kept of an earlier run, in a line."""
    fresh = [name for name in run if name not in run.kept]
    anew = f"{len(fresh)} of {len(run)} steps submitted anew" + (f" ({', '.join(fresh)})" if fresh else "")
    return f"run {run.id}: {anew if len(anew) <= 100 else anew.partition(' (')[0]}, {len(run.kept)} kept"


def _show_submitted(session: Session, jobs: Mapping[str, Job], as_json: bool) -> None:
    if as_json:
        print_json({name: as_dict(session, job) for name, job in jobs.items()})
    else:
        print_table(("step", "task", "job"), [(name, job.task, job.id) for name, job in jobs.items()])
    if lonely := unserved(session, [job for job in jobs.values() if job.state not in ENDED]):
        say(*no_worker(lonely))


def _show_ended(session: Session, jobs: Mapping[str, Job], as_json: bool) -> None:
    if as_json:
        print_json({name: as_dict(session, job) for name, job in jobs.items()})
        return
    echo()
    rows = [
        (name, job.state.value, output.span(elapsed(job)), job.id[:8], _found(session, job))
        for name, job in jobs.items()
    ]
    print_table(("step", "state", "took", "job", "result"), rows)
    show_lines(_lines(session, jobs.values()))
    for name, job in jobs.items():
        if job.state is State.FAILURE and job.failure:
            say(f"error: {name}: {job.failure.type}: {job.failure.message}")
            if job.failure.hint:
                say(f"hint: {Hint(job.failure.hint).in_pipeline()}")
            if session.debug:
                echo(job.failure.traceback, err=True)


def _found(session: Session, job: Job) -> str:
    """The first results of a step that are worth a word."""
    if job.state is not State.SUCCESS:
        return standing(job)
    view = session.registry.result_views().get(job.task)
    result = job.result or {}
    names = [name for name in (view.fields if view else result) if not isinstance(result.get(name), dict | list)]
    return ", ".join(f"{name} {brief(result.get(name), 30)}" for name in names[:3])


def _lines(session: Session, jobs: Iterable[Job]) -> dict[str, list[str]]:
    """The sentences that the results of all steps hold, each once: a step may repeat what an earlier one has said."""
    views = session.registry.result_views()
    together: dict[str, dict[str, None]] = {}
    for job in jobs:
        if job.result is not None and (view := views.get(job.task)):
            for name, said in apart(job.result, view.lines)[1].items():
                together.setdefault(name, {}).update(dict.fromkeys(said))
    return {name: list(said) for name, said in together.items()}


def _left(session: Session, file: Path, ids: list[str]) -> str:
    """What becomes of the steps that are no longer waited for."""
    jobs = [session.dispatcher.job(one) for one in ids]
    live = [job for job in jobs if job.state in LIVE]
    if not live:
        return "interrupted; all steps had already ended"
    listed = "".join(f"\n  {job.id}  {named(job)}  {job.state}" for job in live)
    if lonely := unserved(session, live):
        names = ",".join(sorted({job.queue for job in lonely}))
        slots = " with a gpu slot" if all(job.gpu for job in lonely) else ""
        what = f"are queued, and no live worker serves {names}{slots}: 'pfd worker --queues {names}' runs them"
    else:
        what = "go on"
    return f"interrupted; {len(live)} steps {what}, {_resuming(file)} takes them up, 'pfd cancel ID…' ends them{listed}"
