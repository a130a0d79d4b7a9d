"""The command-line noun `experiments`."""

from __future__ import annotations

from dataclasses import asdict

import click

from pfd import reading, writing
from pfd.console import cut, echo, moment, print_fields, print_json, print_table
from pfd.tracked import RowStatus
from pfd_plugin_training.store import ExperimentSummary, create_experiment, list_experiments, summarize_experiment

MOST = 50
"""Experiments that are listed unless asked otherwise."""


@click.group()
def experiments() -> None:
    """List, show and create experiments."""


@experiments.command("ls")
@click.option("--status", type=click.Choice(list(RowStatus), case_sensitive=False), help="Those of one status only.")
@click.option("--limit", type=click.IntRange(min=1), default=MOST, show_default=True, help="How many at most.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def ls(status: str | None, limit: int, as_json: bool) -> None:
    """List experiments, newest first: those that are trained, being trained, failed, and yet to be trained."""
    with reading() as session:
        found = list_experiments(session, status=status, limit=limit + 1)
    shown = found[:limit]
    if as_json:
        print_json([asdict(one) for one in shown])
        return
    if not shown:
        echo("no such experiment" if status else "no experiments yet; train_model_task makes one")
        return
    columns = ("ID", "NAME", "MODEL", "DATASET", "STATUS", "TEST ACCURACY", "CREATED", "REASON")
    print_table(columns, map(_row, shown), right={0, 5}, optional=(6, 1, 3), wide=7)
    if len(found) > limit:
        echo(f"and more: --limit {2 * limit} shows them")


@experiments.command("show")
@click.argument("experiment", type=click.IntRange(min=1))
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def show(experiment: int, as_json: bool) -> None:
    """Show one experiment: what has become of it, and the job that says more."""
    with reading() as session:
        found = summarize_experiment(session, experiment)
    if as_json:
        print_json(asdict(found))
        return
    print_fields(
        {
            "experiment": found.id,
            "name": found.name,
            "status": found.status,
            "reason": found.reason,
            "model": found.model,
            "dataset": _dataset(found),
            "test accuracy": _accuracy(found),
            "created": moment(found.created_at),
            "job": found.job_id,
        }
    )


@experiments.command("create")
@click.argument("name", default="")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def create(name: str, as_json: bool) -> None:
    """Create an experiment that a job is to train later, and print its id: 'experiment_id=ID' gives it to the job.

    Where that job fails or is cancelled the experiment can be given to another; it goes once that job is removed.
    """
    with writing() as session:
        number = create_experiment(session, name)
    if as_json:
        print_json({"id": number})
    else:
        echo(str(number))


def _row(one: ExperimentSummary) -> tuple[object, ...]:
    reason = cut(one.reason, 200)
    return (
        one.id,
        one.name,
        one.model or "",
        _dataset(one),
        one.status,
        _accuracy(one),
        moment(one.created_at),
        reason,
    )


def _dataset(one: ExperimentSummary) -> str:
    return one.dataset_name or ("" if one.dataset_id is None else str(one.dataset_id))


def _accuracy(one: ExperimentSummary) -> str:
    leaky = " LEAKY" if one.leaky else ""
    return "" if one.test_accuracy is None else f"{one.test_accuracy:.3f}{leaky}"
