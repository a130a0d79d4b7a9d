"""The table of a feature set: Parquet, one row a window, written as a stream."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from pfd import DataError, replacing

if TYPE_CHECKING:
    from pfd_plugin_features.store import FeatureSetEntry

KEY = b"pfd.feature_set"
"""Where the schema's metadata holds what the table was made from, as JSON."""

LEADING = ("record", "start", "label", "bearing_id")


@dataclass(frozen=True)
class FeatureTable:
    """A feature set in memory.

    Parameters
    ----------
    names : of the features, in the order of the columns of `x`.
    x : float64 `(windows, features)`.
    record : index of the recording in its dataset, `(windows,)`.
    start : first sample of the window, at the feature set's sample rate, `(windows,)`.
    label, bearing_id : of the recording, `(windows,)`; the label of one whose fault is unknown is "", null in the file.
    origin : what the table was made from: dataset fingerprint, window, hop, rate, version.
    """

    names: tuple[str, ...]
    x: npt.NDArray[np.float64]
    record: npt.NDArray[np.int64]
    start: npt.NDArray[np.int64]
    label: npt.NDArray[np.str_]
    bearing_id: npt.NDArray[np.str_]
    origin: Mapping[str, Any]


class TableWriter:
    """Appends rows to a table that is being written."""

    def __init__(self, writer: pq.ParquetWriter, schema: pa.Schema) -> None:
        self._writer = writer
        self._schema = schema
        self.rows = 0

    def add(
        self, x: npt.NDArray[np.float64], record: int, start: npt.NDArray[np.int64], label: str | None, bearing_id: str
    ) -> None:
        """Write the features `(n, features)` of windows of one recording; its label is None where it is unknown."""
        count = len(x)
        leading = [
            pa.array(np.full(count, record, dtype=np.int32)),
            pa.array(start.astype(np.int64)),
            _repeated(label, count),
            _repeated(bearing_id, count),
        ]
        columns = [pa.array(np.ascontiguousarray(column)) for column in x.T]
        self._writer.write_batch(pa.record_batch([*leading, *columns], schema=self._schema))
        self.rows += count


def _repeated(text: str | None, count: int) -> pa.DictionaryArray:
    indices = pa.nulls(count, pa.int32()) if text is None else pa.array(np.zeros(count, dtype=np.int32))
    return pa.DictionaryArray.from_arrays(indices, pa.array([] if text is None else [text], pa.string()))


@contextmanager
def table_writer(path: Path, names: Sequence[str], origin: Mapping[str, Any]) -> Iterator[TableWriter]:
    """Write a table whole or not at all."""
    text = pa.dictionary(pa.int32(), pa.string())
    schema = pa.schema(
        [
            ("record", pa.int32()),
            ("start", pa.int64()),
            ("label", text),
            ("bearing_id", text),
            *((name, pa.float64()) for name in names),
        ],
        metadata={KEY: json.dumps(dict(origin), sort_keys=True, allow_nan=False)},
    )
    with replacing(path) as temporary, pq.ParquetWriter(temporary, schema, compression="zstd") as writer:
        yield TableWriter(writer, schema)


def write_columns(source: Path, path: Path, names: Sequence[str], more: Mapping[str, Any]) -> None:
    """Write a table with some of the features of another, window for window, a part in memory at a time.

    `more` is added to what is said of its origin.

    Raises
    ------
    DataError : the source is missing, damaged, or lacks a feature.
    """
    try:
        with pq.ParquetFile(source) as file:
            origin = json.loads((file.schema_arrow.metadata or {})[KEY])
            units = {name: unit for name, unit in origin.get("units", {}).items() if name in names}
            columns = [*LEADING, *names]
            schema = pa.schema(
                [file.schema_arrow.field(name) for name in columns],
                metadata={KEY: json.dumps({**origin, "units": units, **more}, sort_keys=True, allow_nan=False)},
            )
            with replacing(path) as temporary, pq.ParquetWriter(temporary, schema, compression="zstd") as writer:
                for batch in file.iter_batches(columns=columns):
                    writer.write_batch(batch.select(columns).cast(schema))
    except (OSError, pa.ArrowInvalid, KeyError, ValueError) as error:
        raise DataError(
            f"{source} is not a readable feature set: {str(error).splitlines()[0]}", hint="extract the features again"
        ) from error


def read_table(path: Path) -> FeatureTable:
    """Read a table.

    Raises
    ------
    DataError : the file is missing, damaged, or not a feature set.
    """
    try:
        table = pq.read_table(path)
        origin = json.loads((table.schema.metadata or {})[KEY])
        missing = [name for name in LEADING if name not in table.column_names]
    except (OSError, pa.ArrowInvalid, KeyError, ValueError) as error:
        raise DataError(
            f"{path} is not a readable feature set: {str(error).splitlines()[0]}", hint="extract the features again"
        ) from error
    if missing:
        raise DataError(f"{path} lacks the columns {', '.join(missing)}", hint="extract the features again")
    names = tuple(name for name in table.column_names if name not in LEADING)
    x = np.empty((table.num_rows, len(names)), dtype=np.float64)
    for index, name in enumerate(names):
        x[:, index] = table[name].to_numpy()
    return FeatureTable(
        names=names,
        x=x,
        record=table["record"].to_numpy().astype(np.int64),
        start=table["start"].to_numpy(),
        label=np.asarray([label or "" for label in table["label"].to_pylist()], dtype=np.str_),
        bearing_id=np.asarray(table["bearing_id"].to_pylist(), dtype=np.str_),
        origin=origin,
    )


def read_features(entry: FeatureSetEntry) -> FeatureTable:
    """Read the table of a stored feature set.

    Raises
    ------
    DataError : the file is missing or damaged, or was made from another dataset than the entry says.
    """
    table = read_table(entry.path)
    if table.origin.get("dataset_fingerprint") != entry.dataset_fingerprint:
        raise DataError(
            f"{entry.path} was made from another dataset than feature set {entry.id} says",
            hint="extract the features again",
        )
    return table
