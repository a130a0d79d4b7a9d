"""Trained models: the training task, and readers of experiments.

Importing this package is light: readers and models load on first use.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from pfd_plugin_training.params import TrainModelParams, TrainModelResult
from pfd_plugin_training.plugin import train_model_task

if TYPE_CHECKING:
    from pfd_plugin_training.cautions import cautions_of, subject_of
    from pfd_plugin_training.models import TrainedModel, load_model
    from pfd_plugin_training.predictions import Predictions, read_predictions
    from pfd_plugin_training.scores import Scores, score
    from pfd_plugin_training.store import ExperimentEntry, find_experiment
    from pfd_plugin_training.windows import WindowDataset

# The task.  Experiments and what belongs to them.  Scores, and cautions beside them.  Windows for torch.
__all__ = [
    "TrainModelParams",
    "TrainModelResult",
    "train_model_task",
    "ExperimentEntry",
    "Predictions",
    "TrainedModel",
    "find_experiment",
    "load_model",
    "read_predictions",
    "Scores",
    "cautions_of",
    "score",
    "subject_of",
    "WindowDataset",
]

_LATE = {
    "ExperimentEntry": "store",
    "find_experiment": "store",
    "Predictions": "predictions",
    "read_predictions": "predictions",
    "TrainedModel": "models",
    "load_model": "models",
    "cautions_of": "cautions",
    "subject_of": "cautions",
    "Scores": "scores",
    "score": "scores",
    "WindowDataset": "windows",
}


def __getattr__(name: str) -> Any:
    if name in _LATE:
        return getattr(importlib.import_module(f"{__name__}.{_LATE[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
