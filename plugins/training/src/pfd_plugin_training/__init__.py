"""Trained models: the training task, and readers of experiments.

Importing this package is light: readers and models load on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pfd.lazy import lazy_names
from pfd_plugin_training.params import TrainModelParams, TrainModelResult
from pfd_plugin_training.plugin import train_model_task

if TYPE_CHECKING:
    from pfd_plugin_training.cautions import cautions_of, subject_of
    from pfd_plugin_training.models import TrainedModel, load_model
    from pfd_plugin_training.predictions import Predictions, read_predictions
    from pfd_plugin_training.scores import Scores, score
    from pfd_plugin_training.store import (
        ExperimentEntry,
        ExperimentSummary,
        create_experiment,
        find_experiment,
        list_experiments,
        summarize_experiment,
    )
    from pfd_plugin_training.torch_windows import WindowDataset

# The task.  Experiments and what belongs to them.  Scores, and cautions beside them.  Windows for torch.
__all__ = [
    "TrainModelParams",
    "TrainModelResult",
    "train_model_task",
    "ExperimentEntry",
    "ExperimentSummary",
    "Predictions",
    "TrainedModel",
    "create_experiment",
    "find_experiment",
    "list_experiments",
    "load_model",
    "read_predictions",
    "summarize_experiment",
    "Scores",
    "cautions_of",
    "score",
    "subject_of",
    "WindowDataset",
]

__getattr__ = lazy_names(
    __name__,
    {
        "store": (
            *("ExperimentEntry", "ExperimentSummary", "create_experiment", "find_experiment"),
            *("list_experiments", "summarize_experiment"),
        ),
        "predictions": ("Predictions", "read_predictions"),
        "models": ("TrainedModel", "load_model"),
        "cautions": ("cautions_of", "subject_of"),
        "scores": ("Scores", "score"),
        "torch_windows": ("WindowDataset",),
    },
)
