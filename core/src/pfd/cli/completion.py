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
from pfd.references import Choices

if TYPE_CHECKING:
    from pfd.job import Job

RECENT = 200
"""Jobs that are offered: nobody completes an old one from among thousands."""

OFFERED = 200
"""Things that are offered for a parameter that names one."""


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
    from pfd.schema import choices_of, fields_of, listed

    found = {one.path: one for one in listed(fields_of(task.params)) if "[]" not in one.path}  # within a value
    key, equals, _ = incomplete.partition("=")
    if not equals:
        return _offered({f"{path}=": field.description for path, field in found.items()}, key)
    if key not in found:
        return []
    choices = choices_of(found[key], _There(ctx), OFFERED)
    return _offered({f"{key}={choice.text}": choice.about for choice in choices}, incomplete)


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


class _There:
    """What there is of the things that parameters name; nothing where the store does not say."""

    def __init__(self, ctx: click.Context) -> None:
        self._ctx = ctx

    def choices(self, kind: str, limit: int) -> Choices:
        session = _session(self._ctx)
        try:
            return session.dispatcher.choices(kind, limit)
        except PfdError:
            return Choices()
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
