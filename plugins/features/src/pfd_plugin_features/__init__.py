"""Features of vibration windows: their extraction, importance, selection and correlation, and readers of feature sets.

Importing this package is light: readers load on first use.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from pfd_plugin_features.params import (
    ComputeCorrelationParams,
    ComputeCorrelationResult,
    ComputeImportanceParams,
    ComputeImportanceResult,
    ExtractFeaturesParams,
    ExtractFeaturesResult,
    SelectFeaturesParams,
    SelectFeaturesResult,
)
from pfd_plugin_features.plugin import (
    compute_correlation_task,
    compute_importance_task,
    extract_features_task,
    select_features_task,
)

if TYPE_CHECKING:
    from pfd_plugin_features.extraction import FEATURES, VERSION
    from pfd_plugin_features.feature import Feature
    from pfd_plugin_features.peers import EQUAL_TO_TSFEL, UNLIKE_TSFEL
    from pfd_plugin_features.store import FeatureSetEntry, find_feature_set
    from pfd_plugin_features.table import FeatureTable, read_features
    from pfd_plugin_features.windows import Windows

# The tasks.  Stored feature sets.  What a feature is, what it is computed from, and what other libraries make of it.
__all__ = [
    "ComputeCorrelationParams",
    "ComputeCorrelationResult",
    "ComputeImportanceParams",
    "ComputeImportanceResult",
    "UNLIKE_TSFEL",
    "EQUAL_TO_TSFEL",
    "FEATURES",
    "VERSION",
    "ExtractFeaturesParams",
    "ExtractFeaturesResult",
    "Feature",
    "FeatureSetEntry",
    "FeatureTable",
    "SelectFeaturesParams",
    "SelectFeaturesResult",
    "Windows",
    "compute_correlation_task",
    "compute_importance_task",
    "extract_features_task",
    "find_feature_set",
    "read_features",
    "select_features_task",
]

_LATE = {
    "UNLIKE_TSFEL": "peers",
    "EQUAL_TO_TSFEL": "peers",
    "FEATURES": "extraction",
    "Feature": "feature",
    "VERSION": "extraction",
    "FeatureSetEntry": "store",
    "find_feature_set": "store",
    "FeatureTable": "table",
    "read_features": "table",
    "Windows": "windows",
}


def __getattr__(name: str) -> Any:
    if name in _LATE:
        return getattr(importlib.import_module(f"{__name__}.{_LATE[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
