"""Tables of somebody else's making take no more time and memory than their size lets expect."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa

from pfd import DataError, Dispatcher, reading
from pfd_plugin_features import find_feature_set
from pfd_plugin_features.table import KEY, read_table, table_writer


def table(path: Path, rows: int, label: str = "ball", **columns: Any) -> Path:
    known = {
        "record": pa.array(np.zeros(rows, np.int32)),
        "start": pa.array(np.zeros(rows, np.int64)),
        "label": pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows, np.int32)), pa.array([label])),
        "bearing_id": pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows, np.int32)), pa.array(["b"])),
        "rms": pa.array(np.zeros(rows)),
    } | columns
    schema = pa.schema([(name, column.type) for name, column in known.items()], metadata={KEY: json.dumps({})})
    pq.write_table(pa.table(known, schema=schema), path, compression="zstd")
    return path


@pytest.mark.parametrize(
    ("rows", "label", "reason"),
    [(40, "x" * 10_000_000, "a text of it has 10,000,000 letters"), (8_000_000, "ball", "it would take 305 MiB")],
    ids=["long text", "many rows"],
)
def test_a_table_of_few_bytes_takes_no_gigabytes_and_no_minutes(
    tmp_path: Path, rows: int, label: str, reason: str
) -> None:
    path = table(tmp_path / "t.parquet", rows, label)
    assert path.stat().st_size < 200_000
    began = time.monotonic()
    with pytest.raises(DataError, match=reason):
        read_table(path)
    assert time.monotonic() - began < 10


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ({"rms": pa.array(["a", "b"])}, "is of string"),
        ({"rms": pa.array([1.0, None])}, "has gaps"),
        ({"extra": pa.array([[1.0], [2.0]])}, "is of list"),
        ({"start": pa.array([1.0, 2.0])}, "is of double"),
    ],
)
def test_columns_of_other_kinds_are_refused_by_name(tmp_path: Path, columns: dict[str, Any], reason: str) -> None:
    with pytest.raises(DataError, match=reason) as raised:
        read_table(table(tmp_path / "t.parquet", 2, **columns))
    assert "t.parquet" in raised.value.message


def test_labels_come_back_also_where_some_are_unknown_or_none_is_there(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    with table_writer(path, ["rms"], {}) as writer:
        for number, label in enumerate(["ball", None, "cage", "ball"]):
            writer.add(np.full((2, 1), float(number)), number, np.arange(2), label, f"b{number % 2}")
    found = read_table(path)
    assert found.label.tolist() == ["ball", "ball", "", "", "cage", "cage", "ball", "ball"]
    assert found.bearing_id.tolist() == ["b0", "b0", "b1", "b1"] * 2
    with table_writer(path, ["rms"], {}):
        pass
    assert read_table(path).label.size == 0


def test_the_digest_of_an_earlier_version_is_carried_over_and_compared(pfd_home: Path) -> None:
    made = {"num_signals_per_fault": 2, "bearings_per_fault": 2, "duration_s": 0.5}
    Dispatcher().submit("generate_dataset_task", {"name": "bench", **made}).get()
    Dispatcher().submit("extract_features_task", {"dataset": "bench", "domains": ["time"], "window": 1024}).get()
    with Dispatcher().store.write() as connection:
        text = connection.execute(sa.text("SELECT seal FROM features_feature_set")).scalar_one()
        old = {**json.loads(text), "size": -1, "mtime_ns": 0, "ctime_ns": 0}  # as the migration makes it
        connection.execute(sa.text("UPDATE features_feature_set SET seal = :seal").bindparams(seal=json.dumps(old)))
    with reading() as session:
        entry = find_feature_set(session, 1)
    assert entry.file.intact() == entry.path
    assert entry.file.verify()
    content = bytearray(entry.path.read_bytes())
    content[len(content) // 2] ^= 1
    entry.path.write_bytes(content)
    with pytest.raises(DataError, match="has been changed: its digest"):
        entry.file.intact()
