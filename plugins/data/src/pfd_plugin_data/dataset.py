"""Reading a dataset file."""

from __future__ import annotations

import hashlib
import mmap
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import h5py
import numpy as np
import numpy.typing as npt

from pfd import DataError
from pfd_plugin_data import hdf5_checks, layout
from pfd_plugin_data.params import SpeedSource
from pfd_plugin_data.provenance import Finding, Provenance, decode_provenance
from pfd_plugin_data.recording import RecordingInfo
from pfd_plugin_data.speed_profile import SpeedProfile
from pfd_plugin_data.speed_sources import of_source

_BYTES = np.dtype("u1")
_HINT = "import or generate it again; 'pfd data ls' lists the datasets"
_DAMAGE = (OSError, KeyError, ValueError, TypeError, RuntimeError, AttributeError, OverflowError, MemoryError)
"""What HDF5, NumPy and pydantic raise for a damaged file."""


class Dataset:
    """An open dataset: its recordings' columns in memory, their signals mapped from the file.

    `findings` is what its user should know of the recordings; None where nobody has looked, as in what a simulator has
    made, and in files of format 1.  `digest`, SHA-256 in hexadecimal, is that of its fingerprint and of what is
    told of it; that the recordings have this fingerprint, `verify` shows.

    Made by `open_dataset`.  Arrays that were read stay valid after `close`.
    """

    def __init__(
        self,
        path: Path,
        name: str,
        fingerprint: str,
        recordings: tuple[RecordingInfo, ...],
        findings: tuple[Finding, ...] | None,
        digest: str,
        signals: tuple[npt.NDArray[np.float32], ...],
        mapped: mmap.mmap,
    ) -> None:
        self.path = path
        self.name = name
        self.fingerprint = fingerprint
        self.recordings = recordings
        self.findings = findings
        self.digest = digest
        self._signals: tuple[npt.NDArray[np.float32], ...] | None = signals
        self._mapped = mapped
        self._speeds: dict[int, SpeedProfile | DataError] | None = None
        self._base = np.frombuffer(mapped, np.uint8).ctypes.data

    def __repr__(self) -> str:
        return f"<Dataset {self.name!r}: {len(self.recordings)} recordings, {self.fingerprint[:12]}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file.  The map itself ends with the last array that was read from it."""
        self._signals = None

    def read(self, index: int, start: int = 0, stop: int | None = None) -> npt.NDArray[np.float32]:
        """Samples `start` to `stop` of a recording, all channels: float32 `(channels, samples)`, read-only, no copy."""
        if self._signals is None:
            raise DataError(f"dataset {self.name!r} is closed")
        return self._signals[index][:, start:stop]

    def release(self, index: int) -> None:
        """Give back the memory that reading a recording has taken; arrays of it stay valid, and are read again.

        Pages of a mapped file count as memory of the process, so that whoever goes through a large dataset must let go
        of what lies behind.
        """
        if self._signals is not None and hasattr(mmap, "MADV_DONTNEED"):
            signal = self._signals[index]
            start = signal.ctypes.data - self._base
            first = start - start % mmap.PAGESIZE
            self._mapped.madvise(mmap.MADV_DONTNEED, first, start + signal.nbytes - first)

    def truth(self, index: int) -> dict[str, npt.NDArray[Any]]:
        """What the simulator knows beside a recording; empty for a measured one.

        Of a rolling-element bearing: `impact_times`, s; `impact_faults`, uint8, which of the faults of the recording's
        class each impact is of; `fault_orders`, where each of them shows in an envelope spectrum, in orders of the
        shaft; `impact_mask`, uint8 `(samples,)`, 1 where an impact rings.  Of a rotor: `fault_orders`, and
        `fault_mask`, 1 where the fault acts.  Of both, where they change within the recording: `speed_hz` and
        `severity` at even times from its begin to its end (`speed` makes a `SpeedProfile` of it).
        """
        with _converting(self.path), h5py.File(self.path, "r") as file:
            group = _truth_group(file, index)
            return {} if group is None else {name: _truth(group, name) for name in group}

    def speed(self, index: int) -> SpeedProfile | None:
        """How the speed changes within a recording, from its `speed_hz`; None where no such course is stored.

        All courses of the file are read at once, when the first is asked for.  Raises `DataError` for one that no shaft
        can have.
        """
        if self._speeds is None:
            with _converting(self.path), h5py.File(self.path, "r") as file:
                self._speeds = dict(_courses(file, self.recordings))
        course = self._speeds.get(index)
        if isinstance(course, DataError):
            raise course.with_traceback(None)
        return course

    def verify(self) -> None:
        """Read everything and compare with the fingerprint.  Raises `DataError` naming what is damaged."""
        with _converting(self.path), h5py.File(self.path, "r") as file:
            columns = _columns(file)
            digests = [row.tobytes() for row in hdf5_checks.array(file, "digests", _BYTES, ndim=2)[...]]
            if file.attrs["format_version"] >= 2 and not _is_intact(file):
                raise DataError(f"{self.path}: its provenance is damaged", hint=_HINT)
        for index, (text, expected) in enumerate(zip(columns, digests, strict=True)):
            if layout.digest(text, self.read(index), self.truth(index)) != expected:
                raise DataError(f"{self.path}: recording {self.recordings[index].record_id!r} is damaged", hint=_HINT)
            self.release(index)
        if layout.fingerprint(digests) != self.fingerprint:
            raise DataError(f"{self.path}: its fingerprint is not that of its recordings", hint=_HINT)


def open_dataset(path: Path | str, *, speed_source: SpeedSource = "declared") -> Dataset:
    """Open a dataset file.

    Only columns are read here; a signal is read where it is looked at.

    Parameters
    ----------
    speed_source : with `"measured"`, `rpm` is the speed that the signal of a recording shows, where it shows one: of
        windows in the order domain, of the lines of faults, and of splits by speed.

    Raises
    ------
    DataError : the file is missing, damaged, of a newer format or no dataset of PFD; no speed of it was measured.
    """
    path = Path(path)
    if not path.is_file():
        raise DataError(f"{path} does not exist", hint=_HINT)
    with _converting(path), h5py.File(path, "r") as file:
        if file.attrs.get("format") != layout.FORMAT.encode():
            raise DataError(f"{path} is not a dataset of PFD", hint="import it with import_mat_dataset_task")
        if (version := int(file.attrs["format_version"])) > layout.VERSION:
            raise DataError(
                f"{path} has format {version}, this version reads up to {layout.VERSION}", hint="update pfd-plugin-data"
            )
        recordings = tuple(layout.decode_info(text) for text in _columns(file))
        told = _text(file, layout.PROVENANCE) if version >= 2 else b""
        provenance = decode_provenance(told) if version >= 2 else Provenance(({},) * len(recordings))
        if len(provenance.origins) != len(recordings):
            raise DataError(f"{path} is damaged: it says of {len(provenance.origins)} recordings where they came from")
        recordings = tuple(map(_traced, recordings, provenance.origins))
        digests = hdf5_checks.array(file, "digests", _BYTES, ndim=2).shape
        signals = hdf5_checks.group(file, "signals")
        places = [_place(signals, layout.key(i), info) for i, info in enumerate(recordings)]
        name, fingerprint = file.attrs["name"].decode(), file.attrs["fingerprint"].decode()
    if not recordings or digests != (len(recordings), 32):
        raise DataError(f"{path} is damaged: {len(recordings)} recordings, digests of shape {digests}", hint=_HINT)
    mapped = _mapped(path, zip(places, recordings, strict=True))
    recordings = of_source(recordings, speed_source, path)
    digest = hashlib.sha256(b"\n".join((fingerprint.encode(), told))).hexdigest()
    return Dataset(path, name, fingerprint, recordings, provenance.findings, digest, *mapped)


def _columns(file: Any) -> list[bytes]:
    """The columns of each recording, as JSON."""
    return _text(file, "recordings").split(b"\n")


def _traced(info: RecordingInfo, origins: Mapping[str, str]) -> RecordingInfo:
    return replace(info, origins=origins) if origins else info


def _text(file: Any, name: str) -> bytes:
    return bytes(hdf5_checks.array(file, name, _BYTES, ndim=1)[...].tobytes())


def _is_intact(file: Any) -> bool:
    digest = hashlib.sha256(_text(file, layout.PROVENANCE)).hexdigest()
    return bool(file[layout.PROVENANCE].attrs["sha256"] == digest.encode())


def _place(signals: Any, name: str, info: RecordingInfo) -> int:
    """The offset in the file of a signal whose array is as its columns say."""
    shape = (len(info.channels), info.n_samples)
    signal = hdf5_checks.array(signals, name, layout.SIGNAL_TYPE, ndim=2)
    if signal.shape != shape:
        raise ValueError(f"the signal of {info.record_id!r} is {signal.shape}, its columns say {shape}")
    return int(signal.id.get_offset())


def _courses(file: Any, recordings: tuple[RecordingInfo, ...]) -> Iterator[tuple[int, SpeedProfile | DataError]]:
    """The course of the speed of each recording that has one, or what is wrong with it."""
    for index, info in enumerate(recordings):
        try:
            group = _truth_group(file, index)
            if group is not None and hdf5_checks.holds(group, "speed_hz"):
                hz = _truth(group, "speed_hz")
                yield index, SpeedProfile.of_even(hz, info.n_samples, info.sample_rate_hz)
        except (DataError, *_DAMAGE) as error:
            problem = f"{file.filename}: the course of the speed of recording {info.record_id!r}: {_line(error)}"
            yield index, DataError(problem, hint=_HINT)


def _truth_group(file: Any, index: int) -> Any | None:
    """What holds the truth of a recording; None where it has none."""
    group = file
    for name in ("truth", layout.key(index)):
        if not hdf5_checks.holds(group, name):
            return None
        group = hdf5_checks.group(group, name)
    return group


def _truth(group: Any, name: str) -> npt.NDArray[Any]:
    return np.asarray(hdf5_checks.array(group, name, *layout.TRUTH_TYPES)[...])


def _mapped(
    path: Path, places: Iterable[tuple[int, RecordingInfo]]
) -> tuple[tuple[npt.NDArray[np.float32], ...], mmap.mmap]:
    with path.open("rb") as file:
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    signals = []
    for offset, info in places:
        count = len(info.channels) * info.n_samples
        if offset + count * layout.SIGNAL_TYPE.itemsize > len(mapped):
            raise DataError(f"{path} is cut short: the signal of {info.record_id!r} is not all there", hint=_HINT)
        flat = np.frombuffer(mapped, layout.SIGNAL_TYPE, count, offset)
        signals.append(flat.reshape(len(info.channels), info.n_samples))
    return tuple(signals), mapped


@contextmanager
def _converting(path: Path) -> Iterator[None]:
    """Turn what is raised for a damaged file into one `DataError`."""
    try:
        yield
    except DataError as error:
        error.hint = error.hint or _HINT
        raise
    except _DAMAGE as error:
        raise DataError(f"{path} cannot be read: {_line(error)}", hint=_HINT) from error


def _line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)
