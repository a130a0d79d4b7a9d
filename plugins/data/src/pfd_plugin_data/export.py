"""Exporting a dataset for other programs: MATLAB, Parquet, NumPy, CSV.

One file a recording, written one after the other, and `dataset.json` beside them: the fingerprint, the findings (null
where nobody has looked), and the columns of each recording with the names of its files.
"""

from __future__ import annotations

import json
import re
import shutil
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, get_args

import numpy as np
import numpy.typing as npt
from scipy.io import savemat

from pfd import ArtifactError, DataError
from pfd.console import json_text
from pfd.csv_tables import to_cell
from pfd_plugin_data.dataset import Dataset
from pfd_plugin_data.params import ExportFormat
from pfd_plugin_data.recording import RecordingInfo

BLOCK = 1 << 16
"""Rows of a table that are turned into text, or into a row group, at a time."""

MOST_MAT_BYTES = 2**31 - 1
"""Of one variable in a .mat file of version 5."""

Array = npt.NDArray[Any]


def export_dataset(
    dataset: Dataset, target: Path, format: ExportFormat, on_recording: Callable[[str], object] = lambda _: None
) -> list[Path]:
    """Write every recording, with its truth, into the new folder `target`; the files written, `dataset.json` first.

    | format | signal | truth and columns |
    |---|---|---|
    | `mat` | version 5: `signal` `(samples, channels)`, as MATLAB has it | variables of their own names |
    | `npz` | `signal` `(channels, samples)` | `truth_*`; the columns as JSON in `columns` |
    | `parquet` | a column a channel | a file `*.NAME.parquet` a truth; the columns as JSON in the metadata |
    | `csv` | `time_s` and a column a channel, with all digits of a float32 | a file `*.NAME.csv` a truth |

    The folder appears when all is written; until then, and where it fails, there is nothing of that name.
    `on_recording` is told the id of each recording once it is written.

    Raises
    ------
    DataError : an unknown format, a target that exists, a recording too long for it, a library that is not installed.
    ArtifactError : a full disk, or a folder that cannot be written.
    """
    require_format(format)
    write = _WRITERS[format]
    if format == "mat":
        _require_mat(dataset)
    with _new_folder(target) as folder:
        described = []
        for index, info in enumerate(dataset.recordings):
            stem = f"{index:06d}_{re.sub(r'[^A-Za-z0-9._-]+', '-', info.record_id)[:80]}"
            files = write(folder / stem, info, dataset.read(index), dataset.truth(index))
            described.append(asdict(info) | {"files": [path.name for path in files]})
            dataset.release(index)
            on_recording(info.record_id)
        about = {
            "name": dataset.name,
            "fingerprint": dataset.fingerprint,
            "format": format,
            "findings": None if dataset.findings is None else [asdict(finding) for finding in dataset.findings],
            "recordings": described,
        }
        text = json_text(about, allow_nan=False)
        (folder / "dataset.json").write_text(text + "\n", encoding="utf-8")
    return [target / "dataset.json", *(target / name for record in described for name in record["files"])]


def require_format(format: str) -> None:
    """Raises `DataError` for a format that is not known here, or needs a library that is not installed."""
    if format not in (formats := get_args(ExportFormat)):
        raise DataError(f"unknown export format {format!r}", hint=f"choose one of {', '.join(formats)}")
    if format == "parquet":
        _pyarrow()


@contextmanager
def _new_folder(target: Path) -> Iterator[Path]:
    """A hidden folder beside `target` that takes its name when the block ends well, and vanishes when it does not."""
    if target.exists():
        raise DataError(f"{target} exists already", hint="name a folder that does not exist")
    folder = target.with_name(f".{target.name}.{uuid.uuid4().hex[:8]}")
    try:
        folder.mkdir(parents=True)
        yield folder
        folder.rename(target)
    except OSError as error:
        raise ArtifactError(
            f"cannot write {target}: {error.strerror or error}", hint="check the folder and the space on its disk"
        ) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _columns(info: RecordingInfo) -> str:
    return json.dumps(asdict(info), ensure_ascii=False, allow_nan=False)


def _named(stem: Path, suffix: str) -> Path:
    # Not with_suffix: a record_id may hold dots.
    return stem.with_name(stem.name + suffix)


def _write_mat(stem: Path, info: RecordingInfo, signal: Array, truth: Mapping[str, Array]) -> list[Path]:
    # MATLAB's empty array stands for unknown; None would be refused.
    columns = {name: [] if value is None else value for name, value in asdict(info).items() if name != "channels"}
    for name in ("geometry", "origins"):
        columns[name] = dict(known) if (known := getattr(info, name)) else []
    for name in ("sensor", "axis", "unit"):
        columns[name] = np.array([getattr(channel, name) or "" for channel in info.channels], dtype=object)
    values = columns | {f"truth_{name}": array for name, array in truth.items()} | {"signal": signal.T}
    path = _named(stem, ".mat")
    savemat(path, values, format="5", oned_as="column", long_field_names=True)
    return [path]


def _write_npz(stem: Path, info: RecordingInfo, signal: Array, truth: Mapping[str, Array]) -> list[Path]:
    path = _named(stem, ".npz")
    known: dict[str, Any] = {f"truth_{name}": array for name, array in truth.items()}
    np.savez(path, signal=signal, columns=np.array(_columns(info)), **known)
    return [path]


def _write_parquet(stem: Path, info: RecordingInfo, signal: Array, truth: Mapping[str, Array]) -> list[Path]:
    pa, pq = _pyarrow()
    written = []
    for path, names, rows in _tables(stem, ".parquet", info, signal, truth):
        kind = pa.from_numpy_dtype(rows.dtype)
        schema = pa.schema([(name, kind) for name in names], {"pfd.recording": _columns(info)})
        with pq.ParquetWriter(path, schema) as writer:
            for start in range(0, max(1, rows.shape[1]), BLOCK * 16):
                part = [pa.array(row) for row in rows[:, start : start + BLOCK * 16]]
                writer.write_table(pa.Table.from_arrays(part, schema=schema))
        written.append(path)
    return written


def _write_csv(stem: Path, info: RecordingInfo, signal: Array, truth: Mapping[str, Array]) -> list[Path]:
    written = []
    for path, names, rows in _tables(stem, ".csv", info, signal, truth):
        timed = path.name == stem.name + ".csv"
        digits = "%.9g" if rows.dtype == np.float32 else "%.17g"
        with path.open("w", encoding="utf-8", newline="\n") as file:
            file.write(",".join(_quoted(name) for name in (("time_s", *names) if timed else names)) + "\n")
            for start in range(0, rows.shape[1], BLOCK):
                block = rows[:, start : start + BLOCK].T.astype(np.float64)
                kinds = [digits] * len(names)
                if timed:
                    times = np.arange(start, start + len(block)) / info.sample_rate_hz
                    block, kinds = np.column_stack([times, block]), ["%.12g", *kinds]
                np.savetxt(file, block, fmt=kinds, delimiter=",")
        written.append(path)
    return written


def _tables(
    stem: Path, suffix: str, info: RecordingInfo, signal: Array, truth: Mapping[str, Array]
) -> Iterator[tuple[Path, list[str], Array]]:
    """The files of a recording in a format of tables: path, names of the columns, and an array with a row a column."""
    yield _named(stem, suffix), [channel.sensor for channel in info.channels], signal
    for name, array in truth.items():
        rows = array.reshape(1, -1) if array.ndim < 2 else array.reshape(len(array), -1).T
        names = [name] if len(rows) == 1 else [f"{name}_{column}" for column in range(len(rows))]
        yield _named(stem, f".{name}{suffix}"), names, rows


def _quoted(name: str) -> str:
    name = str(to_cell(name))
    return '"' + name.replace('"', '""') + '"' if re.search(r'[",\r\n]', name) else name


def _require_mat(dataset: Dataset) -> None:
    for info in dataset.recordings:
        if len(info.channels) * info.n_samples * 4 > MOST_MAT_BYTES:
            raise DataError(
                f"recording {info.record_id!r} is too long for a .mat file of version 5",
                hint="export it as parquet or npz",
            )


def _pyarrow() -> tuple[Any, Any]:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise DataError(
            "exporting Parquet needs pyarrow", hint="pip install 'pfd-plugin-data[parquet]', or choose another format"
        ) from error
    return pa, pq


_WRITERS: dict[str, Callable[[Path, RecordingInfo, Array, Mapping[str, Array]], list[Path]]] = {
    "mat": _write_mat,
    "parquet": _write_parquet,
    "npz": _write_npz,
    "csv": _write_csv,
}
