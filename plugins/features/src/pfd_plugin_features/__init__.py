"""Features of vibration windows: their extraction, importance, selection and correlation, and readers of feature sets.

Importing this package is light: readers load on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pfd.lazy import lazy_names
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
    from pfd_plugin_features.batch import Windows
    from pfd_plugin_features.extraction import FEATURES, VERSION
    from pfd_plugin_features.feature import Feature
    from pfd_plugin_features.store import FeatureSetEntry, find_feature_set
    from pfd_plugin_features.table import FeatureTable, read_features
    from pfd_plugin_features.tsfel_reference import EQUAL_TO_TSFEL, UNLIKE_TSFEL

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

__getattr__ = lazy_names(
    __name__,
    {
        "tsfel_reference": ("UNLIKE_TSFEL", "EQUAL_TO_TSFEL"),
        "extraction": ("FEATURES", "VERSION"),
        "feature": ("Feature",),
        "store": ("FeatureSetEntry", "find_feature_set"),
        "table": ("FeatureTable", "read_features"),
        "batch": ("Windows",),
    },
)
