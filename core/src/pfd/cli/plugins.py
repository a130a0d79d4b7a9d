"""`pfd plugins`: what became of each plugin, and for its author what is wrong with it."""

from __future__ import annotations

import dataclasses
import importlib.metadata
from collections.abc import Iterable
from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem

from pfd.characters import is_shown
from pfd.cli.codes import FAILED, OK, explain
from pfd.cli.output import counted
from pfd.cli.state import Session, json_option, pass_session
from pfd.console import echo, one_line, print_json, print_table
from pfd.hints import Hint
from pfd.plugins import GROUP, PluginRecord

if TYPE_CHECKING:
    from pfd.check import Finding


@click.group(invoke_without_command=True)
@json_option
@pass_session
@click.pass_context
def plugins(ctx: click.Context, session: Session, as_json: bool) -> None:
    """List the plugins and what became of each, with the cause where one is not loaded and what to do about it.

    It works whatever is broken: with settings that cannot be used, it says so and goes by the defaults.  'pfd plugins
    check' looks at all that plugins name.
    """
    if ctx.invoked_subcommand is not None:
        return
    registry, problem = session.registry_whatever_is_broken()
    if problem is not None:
        explain(problem)
    if as_json:
        print_json([_without_trace(record, debug=session.debug) for record in registry.records])
        return
    if not registry.records:
        echo("no plugins are installed: pip install pfd-all, or 'pfd new-plugin NAME' writes one")
        return
    rows = [(r.name, r.version, r.status, _tasks(r), r.distribution) for r in registry.records]
    print_table(("plugin", "version", "status", "tasks", "distribution"), rows, right={3})
    for record in registry.records:
        if record.cause:
            echo(f"\n{one_line(record.name)}: {one_line(record.cause)}")
            if record.hint:
                echo(f"  hint: {one_line(Hint(record.hint).in_shell())}")
            if session.debug:
                _print_trace(record.trace)


def _tasks(record: PluginRecord) -> str:
    """How many tasks a plugin has, and of how many where some were not taken."""
    kept, lost = len(record.tasks), len(record.lost)
    return f"{kept} of {kept + lost}" if lost else str(kept)


def _complete(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Names of the plugins, of which none is loaded for it."""
    names = sorted({entry.name for entry in importlib.metadata.entry_points(group=GROUP)})
    return [CompletionItem(name) for name in names if name.startswith(incomplete) and is_shown(name)]


@plugins.command()
@click.argument("names", metavar="[NAME]...", nargs=-1, shell_complete=_complete)
@click.option(
    "--patience",
    type=click.FloatRange(0.1, 3600),
    metavar="SECONDS",
    help="How long the code of a plugin may take for one thing; a minute by default.",
)
@json_option
@pass_session
def check(session: Session, names: tuple[str, ...], patience: float | None, as_json: bool) -> int:
    """Look at all that plugins name, for their authors: functions, commands, tables, views, and what imports cost.

    Without NAME, all plugins that are not disabled.  Their code runs in another program, which may exit, hang or
    crash.  Exits 1 where something is found; --debug shows tracebacks.
    """
    from pfd import check as checks
    from pfd.cli.app import COMMANDS

    settings, problem = session.settings_whatever_is_broken()
    if problem is not None:
        explain(problem)
    entries = checks.named(names, settings)
    found = checks.check(entries, settings, COMMANDS, checks.PATIENCE if patience is None else patience)
    found += checks.unreadable(names)
    if as_json:
        print_json([_without_trace(finding, debug=session.debug) for finding in found])
    elif not entries and not found:
        echo("no plugins are installed: 'pfd new-plugin NAME' writes one")
    else:
        _print(sorted({entry.name for entry in entries} | {finding.plugin for finding in found}), found, session.debug)
    return FAILED if found else OK


def _print(names: Iterable[str], found: Iterable[Finding], debug: bool) -> None:
    """Findings by plugin: where, in what, what is wrong, and what to do about it."""
    from pfd.check import TRACEBACK

    for name in names:
        own = [finding for finding in found if finding.plugin == name]
        echo(f"{one_line(name)}: {counted(len(own), 'finding') if own else 'nothing is wrong'}")
        for one in own:
            subject = f"{one.subject}: {one.field}" if one.field else one.subject
            echo(f"  {one.level}  {one_line(subject)}: {one_line(one.problem)}")
            if one.path:
                echo(f"        at {one_line(one.path)}")
            if one.hint and not (debug and one.trace and one.hint == TRACEBACK):
                echo(f"        hint: {one_line(one.hint)}")
            if debug:
                _print_trace(one.trace)


def _print_trace(trace: str) -> None:
    """A traceback, indented: the message of an exception may look like a line of ours."""
    for line in trace.splitlines():
        echo(f"        {line}")


def _without_trace(record: PluginRecord | Finding, *, debug: bool) -> dict[str, object]:
    """The fields of a record, with the traceback where that is asked for."""
    return {name: value for name, value in dataclasses.asdict(record).items() if debug or name != "trace"}
