"""`pfd submit`: a job from the command line, waited for or not."""

from __future__ import annotations

from typing import Any

import click

from pfd.cli import parameters
from pfd.cli.codes import say
from pfd.cli.completion import complete_assignment, complete_job, complete_queue, complete_tag, complete_task
from pfd.cli.live import Attendant, follow, left_behind, named, open_display
from pfd.cli.outcome import show_outcome
from pfd.cli.served import no_worker, unserved
from pfd.cli.state import Session, json_option, pass_session
from pfd.console import echo, print_json
from pfd.job import ENDED, Job


@click.command()
@click.argument("task", shell_complete=complete_task)
@click.argument("pairs", nargs=-1, metavar="[KEY=VALUE]...", shell_complete=complete_assignment)
@click.option(
    "--params", "source", metavar="FILE|-", help="Parameters as JSON (TOML by suffix); KEY=VALUE wins over it."
)
@click.option(
    "--wait", is_flag=True, help="Wait for the end, and run the job in here where no worker serves its queue."
)
@click.option(
    "--timeout", type=click.FloatRange(min=0), metavar="S", help="With --wait: wait no longer (exit code 124)."
)
@click.option("--key", help="Submit once: while a job of this key is live, that one is meant.")
@click.option("--priority", type=int, help="Larger is sooner.")
@click.option("--queue", shell_complete=complete_queue, help="Instead of the task's own.")
@click.option(
    "--tag", "tags", multiple=True, shell_complete=complete_tag, help="A word to find the job by; may be repeated."
)
@click.option(
    "--after",
    multiple=True,
    metavar="JOB",
    shell_complete=complete_job,
    help="A job that must succeed first; may repeat.",
)
@click.option("--countdown", type=float, metavar="S", help="Do not start before so many seconds.")
@click.option("--time-limit", type=float, metavar="S", help="End it where it runs longer.")
@json_option
@pass_session
def submit(
    session: Session,
    /,
    task: str,
    pairs: tuple[str, ...],
    source: str | None,
    wait: bool,
    timeout: float | None,
    after: tuple[str, ...],
    as_json: bool,
    **options: Any,
) -> None:
    """Submit a job of TASK and print its id.

    \b
    pfd submit train_model_task model=cnn1d dataset=3 split.protocol=speed --wait
    pfd submit generate_dataset_task rpm=800,1200 geometry='{"n_balls": 8}'

    A list is KEY=1,2,3, a parameter of a group GROUP.KEY=VALUE, and anything can be JSON.  With --wait it exits 0 when
    the job succeeds, 1 when it fails, 130 when it is cancelled.
    """
    if timeout is not None and not wait:
        raise click.UsageError("--timeout says how long to --wait; give both", click.get_current_context())
    session.announce()
    declared = session.registry.task(task)
    params, roots = parameters.gather(declared, pairs, source, session.settings)
    dispatcher = session.dispatcher
    parents = [dispatcher.job(ref).id for ref in after]
    job = dispatcher.submit(task, params, roots=roots, after=parents, **options).job
    if wait:
        show_outcome(session, _wait(session, job, timeout), as_json=as_json)
        return
    if as_json:
        print_json({"id": job.id, "task": job.task, "queue": job.queue, "state": job.state.value})
    else:
        echo(job.id)
    if job.state not in ENDED and unserved(session, [job]):
        say(*no_worker([job]))


def _wait(session: Session, job: Job, timeout: float | None) -> Job:
    name = named(job)
    try:
        with open_display(err=True) as display, Attendant(session, display, here=True) as attendant:
            return follow(display, {name: session.dispatcher.handle(job.id)}, attendant, timeout=timeout)[name]
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"interrupted; {left_behind(session, job.id)}") from None
    except TimeoutError as error:
        raise TimeoutError(f"{error}; {left_behind(session, job.id)}") from None
