"""Datasets of vibration recordings: the one file format that all other plugins read.

Importing this package is light: NumPy, HDF5 and SQLAlchemy load with the first name that needs them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pfd.lazy import lazy_names
from pfd_plugin_data.params import DatasetName, DatasetRef, SpeedSource, SplitParams
from pfd_plugin_data.plugin import generate_dataset_task

if TYPE_CHECKING:
    from pfd_plugin_data.bands import band_words, common_bandwidth, common_lowpass
    from pfd_plugin_data.card import croissant
    from pfd_plugin_data.catalog import DatasetEntry, find_dataset, list_datasets, register_dataset
    from pfd_plugin_data.cautions import Caution, few_bearings, in_brief, leak, leakage
    from pfd_plugin_data.conditioning import Conditioning
    from pfd_plugin_data.dataset import Dataset, open_dataset
    from pfd_plugin_data.export import export_dataset
    from pfd_plugin_data.fitting import fit_znorm
    from pfd_plugin_data.folds import make_folds
    from pfd_plugin_data.foreign import (
        StoredTensor,
        open_zip,
        read_array,
        reading_foreign,
        require_arrays,
        tensor_header,
    )
    from pfd_plugin_data.kinematics import fault_line, fault_orders
    from pfd_plugin_data.labels import plain_lines, plain_text
    from pfd_plugin_data.normalisation import ZNorm, is_constant, znorm
    from pfd_plugin_data.overview import keep_overview
    from pfd_plugin_data.provenance import Finding
    from pfd_plugin_data.recording import FAULTS, MEAN_OF, ChannelInfo, RecordingInfo
    from pfd_plugin_data.speed_profile import SpeedProfile, even_samples
    from pfd_plugin_data.speed_sources import speed_words
    from pfd_plugin_data.split_store import StoredSplit, choose_split, find_split, list_splits, save_splits
    from pfd_plugin_data.splits import PARTS, PROTOCOLS, Split, make_split
    from pfd_plugin_data.views import dataset_overview, dataset_so_far
    from pfd_plugin_data.windows import (
        WindowBatch,
        common_channel,
        common_rate,
        common_samples_per_rev,
        count_windows,
        iter_windows,
        window_starts,
    )
    from pfd_plugin_data.writer import DatasetWriter

# Tasks.  Recordings and the dataset file.  Which datasets there are, their cards and exports.  Splits and folds.
# What is shown of them.  Windows, their band and their normalisation.  Kinematics, and speeds that change.  Foreign
# texts in pictures and CSV.  Cautions beside scores.
__all__ = [
    "FAULTS",
    "MEAN_OF",
    "PARTS",
    "PROTOCOLS",
    "Caution",
    "ChannelInfo",
    "Conditioning",
    "Dataset",
    "DatasetEntry",
    "DatasetName",
    "DatasetRef",
    "DatasetWriter",
    "Finding",
    "RecordingInfo",
    "SpeedProfile",
    "SpeedSource",
    "Split",
    "SplitParams",
    "StoredSplit",
    "StoredTensor",
    "WindowBatch",
    "ZNorm",
    "band_words",
    "choose_split",
    "common_bandwidth",
    "common_channel",
    "common_lowpass",
    "common_rate",
    "common_samples_per_rev",
    "count_windows",
    "croissant",
    "dataset_overview",
    "dataset_so_far",
    "even_samples",
    "export_dataset",
    "fault_line",
    "fault_orders",
    "few_bearings",
    "find_dataset",
    "find_split",
    "fit_znorm",
    "generate_dataset_task",
    "in_brief",
    "is_constant",
    "iter_windows",
    "keep_overview",
    "leak",
    "leakage",
    "list_datasets",
    "list_splits",
    "make_folds",
    "make_split",
    "open_dataset",
    "open_zip",
    "plain_lines",
    "plain_text",
    "read_array",
    "reading_foreign",
    "register_dataset",
    "require_arrays",
    "save_splits",
    "speed_words",
    "tensor_header",
    "window_starts",
    "znorm",
]

__getattr__ = lazy_names(
    __name__,
    {
        "recording": ("FAULTS", "MEAN_OF", "ChannelInfo", "RecordingInfo"),
        "provenance": ("Finding",),
        "overview": ("keep_overview",),
        "views": ("dataset_overview", "dataset_so_far"),
        "writer": ("DatasetWriter",),
        "dataset": ("Dataset", "open_dataset"),
        "catalog": ("DatasetEntry", "find_dataset", "list_datasets", "register_dataset"),
        "conditioning": ("Conditioning",),
        "bands": ("band_words", "common_bandwidth", "common_lowpass"),
        "card": ("croissant",),
        "cautions": ("Caution", "few_bearings", "in_brief", "leak", "leakage"),
        "export": ("export_dataset",),
        "folds": ("make_folds",),
        "foreign": ("StoredTensor", "open_zip", "read_array", "reading_foreign", "require_arrays", "tensor_header"),
        "split_store": ("StoredSplit", "choose_split", "find_split", "list_splits", "save_splits"),
        "normalisation": ("ZNorm", "is_constant", "znorm"),
        "fitting": ("fit_znorm",),
        "splits": ("PARTS", "PROTOCOLS", "Split", "make_split"),
        "windows": (
            "WindowBatch",
            "common_channel",
            "common_rate",
            "common_samples_per_rev",
            "count_windows",
            "iter_windows",
            "window_starts",
        ),
        "speed_profile": ("SpeedProfile", "even_samples"),
        "speed_sources": ("speed_words",),
        "labels": ("plain_lines", "plain_text"),
        "kinematics": ("fault_line", "fault_orders"),
    },
)
