"""Parameters and results of the tasks of this plugin."""

from __future__ import annotations

import re
from typing import Annotated, Literal, get_args

from annotated_types import MaxLen
from pydantic import Field, model_validator

from pfd import Params, Result, UserPath
from pfd.schema import Unit, Unless, When, misplaced
from pfd_plugin_data import DatasetName

Column = Literal[
    "record_id",
    "fault_type",
    "bearing_id",
    "sample_rate_hz",
    "sample_interval_s",
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
"""What a user may say of a recording: the columns of the dataset, the speed also in Hz, the rate also as the time from
one sample to the next, geometry by number."""

COLUMNS: tuple[str, ...] = get_args(Column)

Text = Annotated[str, Field(min_length=1, max_length=500)]
Number = Annotated[float, Field(allow_inf_nan=False)]
Side = Literal["channels", "recordings"]

SPEEDS = ("rpm", "shaft_hz")
"""Columns that say the speed of the shaft."""


class ChannelMap(Params):
    """Where one or more channels lie in a file."""

    variable: Text = Field(
        description="a variable (`X*_DE_time` where names vary), or a place in a struct or cell: `run.vibration(2)`, "
        "`N*.Y[Name=vibration_1].Data`"
    )
    several: bool = Field(
        False, description="the pattern may fit several variables: each is a channel, named by its variable"
    )
    channel: int | None = Field(None, ge=1, description="of a matrix or a cell, which one, from 1; all where not given")
    sensor: Annotated[str | None, When(several=False)] = Field(
        None, min_length=1, max_length=100, description="its name; the variable's if not given"
    )
    axis: str | None = Field(None, max_length=100, description="direction of measurement")
    unit: str | None = Field(None, max_length=100, description="unit of its values, such as g")
    scale: Number | Text | None = Field(
        None,
        description="what one count is in `unit`: a number, or the place of one; value = scale · count + offset",
    )
    offset: Number | Text | None = Field(None, description="value of the count 0: a number, or the place of one")

    @model_validator(mode="after")
    def _fits(self) -> ChannelMap:
        if any(misplaced(self)):
            raise ValueError("sensor names one channel; with several=true each is named by its variable")
        if self.scale == 0:
            raise ValueError("scale=0 would make all samples equal")
        return self


class SpeedMap(Params):
    """Where a file holds the course of the shaft's speed."""

    variable: Text = Field(description="the place of the speed, of the pulses, or of their moments")
    kind: Literal["rpm", "hz", "rad_s", "pulses", "pulse_times"] = Field(
        description="a speed in rev/min, Hz or rad/s; the signal of a tacho or encoder; the moments of its pulses, s"
    )
    pulses_per_rev: Annotated[float | None, When(kind=("pulses", "pulse_times"))] = Field(
        None, ge=0.001, le=1e6, description="pulses a revolution of the shaft; 1 where not given"
    )
    sample_rate_hz: Annotated[
        Annotated[float, Field(ge=0.001, le=1e9)] | Text | None, Unit("Hz"), Unless(kind="pulse_times")
    ] = Field(
        None,
        description="its own sample rate: a number or a place such as `rate(time)`; else those of the signals",
    )

    @model_validator(mode="after")
    def _fits(self) -> SpeedMap:
        for one in misplaced(self):
            raise ValueError(str(one))
        return self


class FileMapping(Params):
    """What a user knows of the files.  It wins over what files and names say; of its parts, the later ones win."""

    channels: Annotated[tuple[ChannelMap, ...], MaxLen(64)] = Field(
        (), description="where the signals lie, in files of a layout of their own"
    )
    rows: Side | None = Field(
        None,
        description="what the rows of an array are: channels, or recordings, for each of which a vector in `variables` "
        "may have a value",
    )
    columns: Side | None = Field(None, description="what the columns of a matrix are, in place of `rows`")
    header: bool | None = Field(
        None, description="of tables of text, whether a line above the data names the columns; found where not given"
    )
    values: dict[Column, float | str] = Field(default_factory=dict, description="columns that are the same for all")
    variables: dict[Column, Text] = Field(
        default_factory=dict,
        description="columns by the place that holds them; of a vector mean(…), median(…) or rate(…)",
    )
    speed: SpeedMap | None = Field(None, description="where the course of the shaft's speed lies, in place of rpm")
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
    gaps: Literal["refuse", "drop", "interpolate"] = Field(
        "refuse",
        description="recordings with samples that are not numbers: refuse them, keep their longest stretch without "
        "any, or interpolate up to 5 % of a channel",
    )

    @property
    def of_recordings(self) -> bool:
        """Whether an array holds several recordings."""
        return "recordings" in (self.rows, self.columns)

    @property
    def names(self) -> tuple[str, ...]:
        """The columns that a file's name gives."""
        return tuple(re.compile(self.name_pattern).groupindex) if self.name_pattern else ()

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

    @model_validator(mode="after")
    def _fits(self) -> FileMapping:
        if self.rows and self.columns:
            raise ValueError("rows and columns say the same of an array; give one of them")
        if (self.rows or self.columns) and not self.channels:
            raise ValueError("rows and columns are for mapping.channels: where in a file the signals lie")
        if self.speed and self.of_recordings:
            raise ValueError("mapping.speed is for files of one recording; give rpm as a vector in mapping.variables")
        if self.speed and (given := sorted({*self.values, *self.variables, *self.names}.intersection(SPEEDS))):
            raise ValueError(f"mapping.speed gives the speed, and so does {given[0]}; give one of them")
        return self


class ImportMatDatasetParams(Params):
    """What `import_mat_dataset_task` accepts."""

    source: UserPath = Field(
        description="a file, a folder whose .mat and .zip files are taken, or a pattern: `rig/*/N*.mat`, `rig/*.csv`"
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
        "speed_refuted",
        "shaft_line_absent",
        "fault_line_absent",
        "duplicate",
        "one_bearing",
        "bandwidth_by_class",
        "rate_by_class",
        "unlabelled",
        "clipped",
        "constant",
        "dropout",
        "gaps",
        "offset",
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
