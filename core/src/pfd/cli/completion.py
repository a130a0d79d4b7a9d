"""`pfd completion SHELL`, and what the shell is told of tasks, parameters and jobs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem, get_completion_class

from pfd.characters import is_shown, one_line
from pfd.cli.state import Session
from pfd.console import echo
from pfd.errors import PfdError
from pfd.plugins import Registry
from pfd.references import kinds_of

if TYPE_CHECKING:
    from pfd.job import Job

RECENT = 200
"""Jobs that are offered: nobody completes an old one from among thousands."""


@click.command(
    epilog="""
    \b
    bash:  echo 'eval "$(pfd completion bash)"' >> ~/.bashrc
    zsh:   echo 'eval "$(pfd completion zsh)"' >> ~/.zshrc
    fish:  pfd completion fish > ~/.config/fish/completions/pfd.fish
    """
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the completion script of a shell.

    It completes commands, options, tasks, their parameters, and ids of jobs.  One of the lines below installs it.
    """
    kind = get_completion_class(shell)
    assert kind is not None
    echo(kind(ctx.find_root().command, {}, "pfd", "_PFD_COMPLETE").source())


def complete_task(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Names of the installed tasks."""
    return _offered(dict.fromkeys(_registry(ctx).tasks), incomplete)


def complete_assignment(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """`key=` of the parameters of the task that was named, and the choices behind it."""
    task = _registry(ctx).tasks.get(ctx.params.get("task") or "")
    if task is None:
        return []
    from pfd.cli.fields import parameters

    found = [one for one in parameters(task) if "[]" not in one.name]  # which stands inside of a value
    key, equals, _ = incomplete.partition("=")
    if not equals:
        return _offered({f"{p.name}=": p.description for p in found}, key)
    if kind := kinds_of(task.params).get(key):
        return _offered({f"{key}={name}": about for name, about in _things(ctx, kind).items()}, incomplete)
    return _offered({f"{key}={choice}": None for p in found if p.name == key for choice in p.choices}, incomplete)


def complete_queue(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Queues of the installed tasks."""
    queues = sorted({task.queue for task in _registry(ctx).tasks.values()})
    return _offered(dict.fromkeys(queues), incomplete)


def complete_job(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """`@last`, and ids of the latest jobs, the newest first."""
    return _offered({"@last": None} | {job.id[:8]: f"{job.task} {job.state}" for job in _jobs(ctx)}, incomplete)


def complete_tag(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Tags of the latest jobs."""
    return _offered(dict.fromkeys(sorted({tag for job in _jobs(ctx) for tag in job.tags})), incomplete)


def complete_schedule(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Names of the schedules."""
    session = _session(ctx)
    try:
        found = session.dispatcher.schedules()
    except PfdError:
        return []
    finally:
        session.close()
    return _offered({one.name: f"{one.cron} {one.task}" for one in found}, incomplete)


def complete_zone(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Names of time zones."""
    import zoneinfo

    names = sorted(zoneinfo.available_timezones())
    return [CompletionItem(name) for name in names if name.lower().startswith(incomplete.lower())]


def _offered(words: Mapping[str, str | None], incomplete: str) -> list[CompletionItem]:
    """Words, each with what it means, that begin so; one that is not shown as it is would steer the terminal."""
    fitting = {word: about for word, about in words.items() if word.startswith(incomplete) and is_shown(word)}
    return [CompletionItem(word, help=about and one_line(about)) for word, about in fitting.items()]


def _registry(ctx: click.Context) -> Registry:
    # A shell that is asked for words is no place for an error.
    return _session(ctx).registry_whatever_is_broken()[0]


def _things(ctx: click.Context, kind: str) -> Mapping[str, str]:
    """What there is of a kind that parameters name, such as datasets."""
    from pfd.submission.there import offered

    session = _session(ctx)
    try:
        return offered(session.dispatcher.store, session.registry, kind)
    except PfdError:
        return {}
    finally:
        session.close()


def _jobs(ctx: click.Context) -> list[Job]:
    session = _session(ctx)
    try:
        return session.dispatcher.jobs(limit=RECENT)
    except PfdError:
        return []
    finally:
        session.close()


def _session(ctx: click.Context) -> Session:
    """The session of the words typed so far: while completing, the root command itself is not called."""
    given = ctx.find_root().params
    return Session({name: given[name] for name in ("home", "database_url", "runtime") if given.get(name)})
