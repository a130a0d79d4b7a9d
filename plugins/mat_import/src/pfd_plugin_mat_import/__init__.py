"""Import of files of recordings, such as the UESTC, CWRU and MFPT bearing data sets: they become a dataset of PFD."""

from __future__ import annotations

from pfd_plugin_mat_import.plugin import import_mat_dataset_task

__all__ = ["import_mat_dataset_task"]
