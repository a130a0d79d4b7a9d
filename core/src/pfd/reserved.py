"""The public names of PFD's own tasks, each with the distribution that alone may declare it.

A name that others may take would let whoever is installed beside a plugin answer for it, or before it exists.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

_TASKS = {
    "training": ("train_model_task",),
    "hpo": ("run_hpo_campaign_task", "stop_hpo_campaign_task"),
    "nas": ("run_nas_campaign_task",),
    "data": ("generate_dataset_task",),
    "mat-import": ("import_mat_dataset_task",),
    "xai": ("generate_explanation_task", "generate_batch_explanations_task"),
    "deployment": ("quantize_model_task", "export_onnx_task", "optimize_model_task", "benchmark_models_task"),
    "evaluation": ("generate_roc_analysis_task", "error_analysis_task", "architecture_comparison_task"),
    "features": (
        "extract_features_task",
        "compute_importance_task",
        "select_features_task",
        "compute_correlation_task",
    ),
    "testing": ("run_tests_task", "run_coverage_task", "run_benchmarks_task", "run_quality_checks_task"),
}

OWNERS: Mapping[str, str] = MappingProxyType(
    {task: f"pfd-plugin-{domain}" for domain, tasks in _TASKS.items() for task in tasks}
)
"""The distribution of each reserved name."""

HINT = "give it a name of your own"


def refusal(task: str, distribution: str) -> str:
    """Why a distribution may not declare a task of that name; empty where it may."""
    owner = OWNERS.get(task)
    return "" if owner in (None, _plain(distribution)) else f"is a name reserved for {owner}"


def _plain(distribution: str) -> str:
    """The name of a distribution as the package index compares it."""
    return re.sub(r"[-_.]+", "-", distribution).lower()
