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

from pfd import DataError, open_regular, replacing
from pfd_plugin_data import reading_foreign

if TYPE_CHECKING:
    from pfd_plugin_features.store import FeatureSetEntry

KEY = b"pfd.feature_set"
"""Where the schema's metadata holds what the table was made from, as JSON."""

LEADING = ("record", "start", "label", "bearing_id")

MAX_BYTES = 4 * 1024**3
MAX_RATIO = 64
FREE_BYTES = 64 * 1024**2
"""Most that a table may take in memory.  What takes more than `MAX_RATIO` times its size, and more than `FREE_BYTES`,
is refused as a bomb: features hardly pack."""

MAX_LETTERS = 1000
"""Of a label or of the name of a bearing."""

MAX_FOOTER = 64 * 1024**2
"""Longest text of a table's footer."""

_HINT = "extract the features again"
_TEXT = pa.dictionary(pa.int32(), pa.string())
_KINDS = {"record": pa.int32(), "start": pa.int64(), "label": _TEXT, "bearing_id": _TEXT}


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
    schema = pa.schema(
        [*_KINDS.items(), *((name, pa.float64()) for name in names)],
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
    with reading_foreign(source, _HINT), _opened(source) as file:
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


@contextmanager
def _opened(path: Path) -> Iterator[pq.ParquetFile]:
    """A table whose columns are those of a feature set, and whose size can be read.

    What is in a Parquet file may unfold to any number of rows, and each text to any length, which the file itself says
    first.
    """
    with (
        open_regular(path) as raw,
        pq.ParquetFile(raw, thrift_string_size_limit=MAX_FOOTER, thrift_container_size_limit=MAX_FOOTER // 8) as file,
    ):
        schema, about = file.schema_arrow, file.metadata
        kinds = dict(zip(schema.names, schema.types, strict=True))
        if len(kinds) < len(schema.names):
            raise DataError("it has two columns of one name")
        if missing := [name for name in LEADING if name not in kinds]:
            raise DataError(f"it lacks the columns {', '.join(missing)}")
        if wrong := [name for name, kind in kinds.items() if kind != _KINDS.get(name, pa.float64())]:
            raise DataError(f"its column {wrong[0][:100]!r} is of {str(kinds[wrong[0]])[:100]}")
        unfolded = sum(about.row_group(i).total_byte_size for i in range(about.num_row_groups))
        _require_room(path, max(8 * about.num_rows * len(kinds), unfolded))
        yield file


def _require_room(path: Path, taken: int) -> None:
    if taken > min(MAX_BYTES, max(FREE_BYTES, MAX_RATIO * path.stat().st_size)):
        raise DataError(f"it would take {taken / 1024**2:,.0f} MiB, from {path.stat().st_size:,} bytes")


def _texts(path: Path, column: pa.ChunkedArray) -> npt.NDArray[np.str_]:
    """The texts of a dictionary, `(rows,)`, "" for null."""
    if not len(column):
        return np.empty(0, dtype=np.str_)
    whole = column.unify_dictionaries().combine_chunks()
    known = ["", *(text or "" for text in whole.dictionary.to_pylist())]
    longest = max(map(len, known))
    if longest > MAX_LETTERS:
        raise DataError(f"a text of it has {longest:,} letters")
    _require_room(path, 4 * longest * len(column))
    texts: npt.NDArray[np.str_] = np.asarray(known, dtype=np.str_)
    return np.asarray(texts[whole.indices.fill_null(-1).to_numpy() + 1])


def read_table(path: Path) -> FeatureTable:
    """Read a table.

    Raises
    ------
    DataError : the file is missing, damaged, or not a feature set.
    """
    with reading_foreign(path, _HINT):
        with _opened(path) as file:
            table = file.read()
            origin = json.loads((table.schema.metadata or {})[KEY])
        if not isinstance(origin, dict):
            raise DataError("what it says of its origin is not an object of names and values")
        if nulls := [name for name in table.column_names if name != "label" and table[name].null_count]:
            raise DataError(f"its column {nulls[0][:100]!r} has gaps")
        names = tuple(name for name in table.column_names if name not in LEADING)
        x = np.empty((table.num_rows, len(names)), dtype=np.float64)
        for index, name in enumerate(names):
            x[:, index] = table[name].to_numpy()
        return FeatureTable(
            names=names,
            x=x,
            record=table["record"].to_numpy().astype(np.int64),
            start=table["start"].to_numpy(),
            label=_texts(path, table["label"]),
            bearing_id=_texts(path, table["bearing_id"]),
            origin=origin,
        )


def read_features(entry: FeatureSetEntry) -> FeatureTable:
    """Read the table of a stored feature set.

    Raises
    ------
    DataError : the file is missing, damaged or another than was written, or was made from another dataset than the
        entry says.
    """
    table = read_table(entry.file.intact())
    if len(table.start) != entry.n_windows or not set(entry.features) <= set(table.names):
        raise DataError(f"{entry.path} holds other windows or features than feature set {entry.id} says", hint=_HINT)
    if table.origin.get("dataset_fingerprint") != entry.dataset_fingerprint:
        raise DataError(
            f"{entry.path} was made from another dataset than feature set {entry.id} says",
            hint="extract the features again",
        )
    return table
