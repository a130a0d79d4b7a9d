"""`pfd plugins`: what became of each plugin."""

from __future__ import annotations

import dataclasses

import click

from pfd.cli.codes import explain
from pfd.cli.state import Session, json_option, pass_session
from pfd.console import echo, one_line, print_json, print_table


@click.command()
@json_option
@pass_session
def plugins(session: Session, as_json: bool) -> None:
    """List the plugins and what became of each, with the cause where one is not loaded and what to do about it.

    It works whatever is broken: with settings that cannot be used, it says so and goes by the defaults.
    """
    registry, problem = session.registry_whatever_is_broken()
    if problem is not None:
        explain(problem)
    if as_json:
        print_json([dataclasses.asdict(record) for record in registry.records])
        return
    if not registry.records:
        echo("no plugins are installed: pip install pfd-all, or 'pfd new-plugin NAME' writes one")
        return
    rows = [(r.name, r.version, r.status, len(r.tasks), r.distribution) for r in registry.records]
    print_table(("plugin", "version", "status", "tasks", "distribution"), rows, right={3})
    for record in registry.records:
        if record.cause:
            echo(f"\n{one_line(record.name)}: {one_line(record.cause)}")
            if record.hint:
                echo(f"  hint: {one_line(record.hint)}")
