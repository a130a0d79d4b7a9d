"""Parameters and results of the tasks of this plugin."""

from __future__ import annotations

import re
from typing import Annotated, Literal, get_args

from annotated_types import MaxLen
from pydantic import Field, model_validator

from pfd import Params, Result, UserPath
from pfd_plugin_data import DatasetName

Column = Literal[
    "record_id",
    "fault_type",
    "bearing_id",
    "sample_rate_hz",
    "rpm",
    "shaft_hz",
    "load",
    "unit",
    "fault_size",
    "fault_origin",
    "severity",
    "condition",
    "specimen",
    "n_balls",
    "ball_d_mm",
    "pitch_d_mm",
    "contact_deg",
    "licence",
]
"""What a user may say of a recording: the columns of the dataset, the shaft's speed also in Hz, geometry by number."""

COLUMNS: tuple[str, ...] = get_args(Column)

Text = Annotated[str, Field(min_length=1, max_length=500)]


class ChannelMap(Params):
    """Where one or more channels lie in a file."""

    variable: Text = Field(
        description="a variable (`X*_DE_time` where names vary), or a place in a struct or cell: `run.vibration(2)`"
    )
    channel: int | None = Field(None, ge=1, description="of a matrix or a cell, which one, from 1; all where not given")
    sensor: str | None = Field(None, min_length=1, max_length=100, description="its name; the variable's if not given")
    axis: str | None = Field(None, max_length=100, description="direction of measurement")
    unit: str | None = Field(None, max_length=100, description="unit of its values, such as g")


class FileMapping(Params):
    """What a user knows of the files.  It wins over what files and names say; of its parts, the later ones win."""

    channels: Annotated[tuple[ChannelMap, ...], MaxLen(64)] = Field(
        (), description="where the signals lie, in files of a layout of their own"
    )
    values: dict[Column, float | str] = Field(default_factory=dict, description="columns that are the same for all")
    variables: dict[Column, Text] = Field(default_factory=dict, description="columns by the variable that holds them")
    name_pattern: Text | None = Field(
        None, description="regular expression for a file's path; its named groups are columns: `(?P<rpm>\\d+)rpm`"
    )
    table: UserPath | None = Field(None, description="a CSV file with a column `file` and others named as columns")
    words: dict[Text, str] = Field(
        default_factory=dict, description="fault types by the words that names, variables and tables use for them"
    )
    unlabelled: bool = Field(
        False,
        description="take recordings whose fault nobody tells, without a label: to plot and describe, not to train on",
    )

    @model_validator(mode="after")
    def _known(self) -> FileMapping:
        from pfd_plugin_data import FAULTS

        if unknown := sorted(set(self.words.values()) - set(FAULTS)):
            raise ValueError(f"words: {unknown[0]!r} is none of {', '.join(FAULTS)}")
        if self.name_pattern is not None:
            try:
                groups = re.compile(self.name_pattern).groupindex
            except re.error as error:
                raise ValueError(f"name_pattern={self.name_pattern!r}: {error}") from error
            if wrong := [name for name in groups if name not in COLUMNS] or ([] if groups else ["none"]):
                raise ValueError(
                    f"name_pattern: its named groups must be columns ({', '.join(COLUMNS)}), not {', '.join(wrong)}"
                )
        return self


class ImportMatDatasetParams(Params):
    """What `import_mat_dataset_task` accepts."""

    source: UserPath = Field(
        description="a .mat or .zip file, a folder whose .mat and .zip files are taken, or a pattern: `rig/*/N*.mat`"
    )
    name: DatasetName = Field("imported", description="name of the dataset; the newest of a name is the one meant")
    layout: Literal["auto", "cwru", "mfpt", "uestc", "generic"] = Field(
        "auto", description="layout of the files; auto recognises it by what is in each file"
    )
    mapping: FileMapping = Field(
        default_factory=FileMapping, description="what you know of the files; wins over what they say"
    )
    strict: bool = Field(False, description="refuse all where one file cannot be imported")
    dry_run: bool = Field(False, description="show what would be imported, and store no dataset")

    @model_validator(mode="after")
    def _fits(self) -> ImportMatDatasetParams:
        if self.layout == "generic" and not self.mapping.channels:
            raise ValueError("layout=generic needs mapping.channels: where in a file the signals lie")
        if self.layout not in ("auto", "generic") and self.mapping.channels:
            raise ValueError(f"mapping.channels is for files of a layout of their own, not for layout={self.layout}")
        return self


class FileFailure(Result):
    """A file that was not imported, relative to the source, and why."""

    file: str
    reason: str


class ImportedBearing(Result):
    """One physical bearing and its recordings."""

    bearing_id: str
    fault_type: str | None = Field(description="of its first recording; null where it is unlabelled")
    fault_size: float | None = Field(description="width of the defect, inches; null where unknown")
    records: list[str]


class Finding(Result):
    """Something about the recordings that their user should know."""

    kind: Literal[
        "shaft_line_absent",
        "fault_line_absent",
        "duplicate",
        "one_bearing",
        "bandwidth_by_class",
        "rate_by_class",
        "unlabelled",
        "clipped",
        "constant",
        "odd",
    ]
    records: list[str] = Field(description="those that it is about; at most the first 20")
    text: str


class ImportMatDatasetResult(Result):
    """What `import_mat_dataset_task` returns."""

    dataset_id: int | None = Field(description="null after a dry run")
    name: str
    fingerprint: str | None = Field(description="SHA-256 over the content; null after a dry run")
    dry_run: bool
    n_recordings: int
    n_bearings: int
    classes: dict[str, int] = Field(description="recordings of each fault type")
    n_unlabelled: int = Field(description="recordings of unknown fault, which are in no class")
    bearings: list[ImportedBearing] = Field(description="as many as the result may hold; all are in bearings.csv")
    failures: list[FileFailure] = Field(description="files that were not imported; at most the first 100")
    n_failures: int
    findings: list[Finding] = Field(description="at most the first 50; all of them are in findings.json")
    n_findings: int
