"""Parameters and results of the tasks of this plugin."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from pfd import Params, Result, UserPath
from pfd_plugin_data import DatasetName


class ImportMatDatasetParams(Params):
    """What `import_mat_dataset_task` accepts."""

    source: UserPath = Field(description="a .mat file, or a folder whose .mat files are taken, sub-folders included")
    name: DatasetName = Field("imported", description="name of the dataset; the newest of a name is the one meant")
    layout: Literal["auto", "cwru", "mfpt", "uestc"] = Field(
        "auto", description="layout of the files; auto recognises it by what is in each file"
    )
    strict: bool = Field(False, description="refuse all where one file cannot be imported")


class FileFailure(Result):
    """A file that was not imported, relative to the source, and why."""

    file: str
    reason: str


class ImportedBearing(Result):
    """One physical bearing and its recordings."""

    bearing_id: str
    fault_type: str
    fault_size: float | None = Field(description="width of the defect, inches; null where unknown")
    records: list[str]


class ImportMatDatasetResult(Result):
    """What `import_mat_dataset_task` returns."""

    dataset_id: int
    name: str
    fingerprint: str = Field(description="SHA-256 over the content")
    n_recordings: int
    n_bearings: int
    classes: dict[str, int] = Field(description="recordings of each fault type")
    bearings: list[ImportedBearing]
    failures: list[FileFailure] = Field(description="files that were not imported; at most the first 100")
    n_failures: int
