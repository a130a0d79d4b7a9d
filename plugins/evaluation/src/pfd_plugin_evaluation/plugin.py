"""Manifest of the evaluation plugin."""

from __future__ import annotations

from pfd import Command, ResultView, Task, hookimpl
from pfd_plugin_evaluation.params import GenerateRocAnalysisParams, GenerateRocAnalysisResult

generate_roc_analysis_task = Task(
    "generate_roc_analysis_task",
    run="pfd_plugin_evaluation.tasks:generate_roc_analysis",
    params=GenerateRocAnalysisParams,
    result=GenerateRocAnalysisResult,
    summary="Draw ROC curves of one or several experiments, beside their split and baseline.",
    queue="evaluation",
    isolation="process",
    preload=("numpy", "sklearn.metrics", "pfd_plots.files"),
)


@hookimpl
def pfd_register_tasks() -> list[Task]:
    return [generate_roc_analysis_task]


@hookimpl
def pfd_register_commands() -> list[Command]:
    load = "pfd_plugin_evaluation.demo.command:demo"
    return [Command("demo", load=load, help="From recordings to ROC curves, start to end.")]


@hookimpl
def pfd_register_result_views() -> list[ResultView]:
    fields, artifacts = ("part", "experiments"), ("roc.png",)
    blocks = "pfd_plugin_evaluation.views:roc_analysed"
    return [
        ResultView("generate_roc_analysis_task", fields=fields, artifacts=artifacts, lines=("cautions",), blocks=blocks)
    ]
