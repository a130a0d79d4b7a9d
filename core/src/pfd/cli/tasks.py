"""`pfd tasks`: what can be run, and how."""

from __future__ import annotations

import inspect
import shutil
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from pfd.cli.codes import say
from pfd.cli.completion import complete_task
from pfd.cli.output import fits, span
from pfd.cli.state import Session, json_option, pass_session
from pfd.cli.things import in_words, things_there
from pfd.console import echo, on_terminal, one_line, print_fields, print_heading, print_json, print_table
from pfd.plugins import Registry
from pfd.references import Choices
from pfd.task import Task

if TYPE_CHECKING:
    from pfd.schema import Field


@click.group(invoke_without_command=True)
@json_option
@pass_session
@click.pass_context
def tasks(ctx: click.Context, session: Session, as_json: bool) -> None:
    """List the installed tasks; 'pfd tasks show TASK' shows one with its parameters."""
    if ctx.invoked_subcommand is not None:
        return
    registry = session.registry
    if as_json:
        print_json([_summary(task, registry) for task in registry.tasks.values()])
        return
    if registry.tasks:
        rows = [(t.name, t.queue, _plugin(registry, t), _about(t)) for t in registry.tasks.values()]
        print_table(("task", "queue", "plugin", "about"), rows)
    else:
        echo("no tasks are installed; they come from plugins: pip install pfd-all")
    for name, conflict in registry.conflicts.items():
        say(f"left out: {name}, which {conflict}")
    for record in registry.records:
        if refused := [task for task in record.lost if task not in registry.conflicts]:
            say(f"left out of {record.name}: {', '.join(refused)}; 'pfd plugins' says why")
    if absent := [record.name for record in registry.records if record.status in ("broken", "incompatible")]:
        say(f"not loaded: {', '.join(absent)}; 'pfd plugins' says why")


@tasks.command()
@click.argument("name", shell_complete=complete_task)
@json_option
@pass_session
def show(session: Session, name: str, as_json: bool) -> None:
    """Show one task: its parameters, its result, how it is run, and a command to start from."""
    registry = session.registry
    task = registry.task(name)
    from pfd.cli.ready import example_of, ready_command
    from pfd.schema import fields_of, json_schema, listed

    there = things_there(session, task)
    if not as_json:
        _show(task, registry, there)
        print_heading("Ready to run")
        echo(ready_command(task))
        return
    print_json(
        _summary(task, registry)
        | {
            "run": task.run,
            "max_attempts": task.max_attempts,
            "soft_time_limit": task.soft_time_limit,
            "time_limit": task.time_limit,
            "memory_limit": task.memory_limit,
            "priority": task.priority,
            "gpu": dict(task.gpu) if isinstance(task.gpu, Mapping) else task.gpu,
            "params": json_schema(task.params),
            "result": json_schema(task.result, "serialization"),
            "fields": [field.to_json() for field in listed(fields_of(task.params))],
            "choices": {kind: asdict(found) for kind, found in there.items()},
            "example": example_of(task),
            "command": ready_command(task),
        }
    )


def _show(task: Task, registry: Registry, there: Mapping[str, Choices]) -> None:
    from pfd.schema import fields_of, listed, type_in_words

    owner = registry.owner(task.name)
    print_fields(
        {
            "task": task.name,
            "about": _about(task),
            "plugin": f"{owner.name} {owner.version} ({owner.distribution})" if owner else "",
            "queue": task.queue,
            "runs": "in a process of its own" if task.isolation == "process" else "inside the worker",
            "limits": ", ".join(_limits(task)),
        }
    )
    print_heading("Parameters")
    if found := list(listed(fields_of(task.params))):
        _table(PARAMETERS, [parameter_cells(field) for field in found])
    else:
        echo("none")
    if there:
        print_heading("There is")
        print_table(("what", "the newest"), [(kind, in_words(found)) for kind, found in there.items()])
    print_heading("Result")
    of_result = listed(fields_of(task.result, mode="serialization"))
    _table(("name", "type", "meaning"), [(f.path, type_in_words(f.shape), f.description) for f in of_result])


PARAMETERS = ("name", "type", "default", "allowed", "unit", "only where", "group", "meaning")
"""What is told of a parameter."""


def parameter_cells(field: Field) -> tuple[str, ...]:
    """The cells of `PARAMETERS` for one of them."""
    from pfd.schema import allowed_in_words, condition_in_words, default_in_words, type_in_words

    kind = type_in_words(field.shape)
    if field.has_default and field.default is None:
        kind = kind.removesuffix(" or null")  # the default says so
    allowed = allowed_in_words(field.shape)
    default, condition = default_in_words(field), condition_in_words(field)
    return (field.path, kind, default, allowed, field.unit, condition, field.group, field.description)


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table without the columns that would be empty."""
    kept = [i for i in range(len(columns)) if i < 2 or any(row[i] for row in rows)]
    columns, rows = [columns[i] for i in kept], [[row[i] for i in kept] for row in rows]
    if on_terminal() and not fits(columns, rows):
        for name, *others, meaning in rows:
            told = zip(columns[1:], others, strict=False)
            others = [_told(column, text) for column, text in told if text]
            echo(_folded(f"{name}: {'; '.join(filter(None, others))}", "", "    "))
            echo(_folded(meaning, "  ", "  "))
        return
    print_table(columns, rows)


def _told(column: str, text: str) -> str:
    """A cell of a table that stands in a sentence."""
    named = column in ("default", "unit", "only where", "group") and not text.startswith("required")
    return f"{column} {text}" if named else text


def _folded(text: str, first: str, others: str) -> str:
    width = shutil.get_terminal_size().columns
    return textwrap.fill(one_line(text), width, initial_indent=first, subsequent_indent=others, break_on_hyphens=False)


def _summary(task: Task, registry: Registry) -> dict[str, Any]:
    return {
        "name": task.name,
        "queue": task.queue,
        "plugin": _plugin(registry, task),
        "isolation": task.isolation,
        "about": _about(task),
    }


def _plugin(registry: Registry, task: Task) -> str:
    owner = registry.owner(task.name)
    return owner.name if owner else ""


def _about(task: Task) -> str:
    """What the task does, or else what its parameters say of themselves."""
    return task.summary or inspect.cleandoc(task.params.__doc__ or "").partition("\n")[0]


def _limits(task: Task) -> Iterator[str]:
    if task.soft_time_limit:
        yield f"asked to stop after {span(task.soft_time_limit)}"
    if task.time_limit:
        yield f"ended after {span(task.time_limit)}"
    if task.memory_limit:
        yield f"at most {task.memory_limit / 2**20:.0f} MiB of memory"
    if task.max_attempts > 1:
        yield f"up to {task.max_attempts} attempts"
    if task.gpu:
        yield gpu_words(task)


def gpu_words(task: Task) -> str:
    """Whether jobs of a task need a gpu slot, in words."""
    if isinstance(task.gpu, Mapping):
        return "needs a gpu slot where " + " and ".join(f"{name}={value}" for name, value in task.gpu.items())
    return "needs a gpu slot" if task.gpu else ""
