"""Evaluation of experiments: the ROC task, and the functions behind it.

Importing this package is light: the functions load on first use.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from pfd_plugin_evaluation.params import GenerateRocAnalysisParams, GenerateRocAnalysisResult
from pfd_plugin_evaluation.plugin import generate_roc_analysis_task

if TYPE_CHECKING:
    from pfd_plugin_evaluation.interval import Interval, macro_auroc_interval
    from pfd_plugin_evaluation.roc import ClassRoc, class_rocs, macro_auroc

# The task.  Curves.  Intervals.
__all__ = [
    "GenerateRocAnalysisParams",
    "GenerateRocAnalysisResult",
    "generate_roc_analysis_task",
    "ClassRoc",
    "class_rocs",
    "macro_auroc",
    "Interval",
    "macro_auroc_interval",
]

_LATE = {
    "ClassRoc": "roc",
    "class_rocs": "roc",
    "macro_auroc": "roc",
    "Interval": "interval",
    "macro_auroc_interval": "interval",
}


def __getattr__(name: str) -> Any:
    if name in _LATE:
        return getattr(importlib.import_module(f"{__name__}.{_LATE[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
