"""Features of vibration windows: the extraction task, and readers of stored feature sets.

Importing this package is light: readers load on first use.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from pfd_plugin_features.params import ExtractFeaturesParams, ExtractFeaturesResult
from pfd_plugin_features.plugin import extract_features_task

if TYPE_CHECKING:
    from pfd_plugin_features.extraction import FEATURES, VERSION
    from pfd_plugin_features.feature import Feature
    from pfd_plugin_features.peers import EQUAL_TO_TSFEL, UNLIKE_TSFEL
    from pfd_plugin_features.store import FeatureSetEntry, find_feature_set
    from pfd_plugin_features.table import FeatureTable, read_features
    from pfd_plugin_features.windows import Windows

# The task.  Stored feature sets.  What a feature is, what it is computed from, and what other libraries make of it.
__all__ = [
    "UNLIKE_TSFEL",
    "EQUAL_TO_TSFEL",
    "FEATURES",
    "VERSION",
    "ExtractFeaturesParams",
    "ExtractFeaturesResult",
    "Feature",
    "FeatureSetEntry",
    "FeatureTable",
    "Windows",
    "extract_features_task",
    "find_feature_set",
    "read_features",
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
