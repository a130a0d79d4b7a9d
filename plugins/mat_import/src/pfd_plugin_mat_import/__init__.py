"""Import of MATLAB files: recordings of the UESTC, CWRU and MFPT bearing data sets become a dataset of PFD."""

from __future__ import annotations

from pfd_plugin_mat_import.plugin import import_mat_dataset_task

__all__ = ["import_mat_dataset_task"]
