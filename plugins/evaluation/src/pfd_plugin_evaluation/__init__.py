"""Evaluation of experiments: the ROC task, and the functions behind it.

Importing this package is light: the functions load on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pfd.lazy import lazy_names
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

__getattr__ = lazy_names(
    __name__,
    {
        "roc": ("ClassRoc", "class_rocs", "macro_auroc"),
        "interval": ("Interval", "macro_auroc_interval"),
    },
)
