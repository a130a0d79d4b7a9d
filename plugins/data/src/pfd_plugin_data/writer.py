"""Writing a dataset file, one recording after the other, whole or not at all."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import h5py
import numpy as np
import numpy.typing as npt

from pfd import ArtifactError, DataError, replacing
from pfd_plugin_data import layout
from pfd_plugin_data.provenance import Finding, Provenance, encode_provenance
from pfd_plugin_data.recording import RecordingInfo

_CONTIGUOUS = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
_CONTIGUOUS.set_layout(h5py.h5d.CONTIGUOUS)
_CONTIGUOUS.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
_CONTIGUOUS.set_fill_time(h5py.h5d.FILL_TIME_NEVER)


class DatasetWriter:
    """Write a dataset file.

        with DatasetWriter(path, "bench") as writer:
            writer.add(info, signal)
        writer.fingerprint

    The file has a temporary name until the block ends well; when it ends badly, nothing is left.  Only the columns of
    the recordings stay in memory, not their signals.

    Raises
    ------
    DataError : a recording that is not what its columns say, an id used twice, no recording at all.
    ArtifactError : a full disk, or a folder that cannot be written.
    """

    def __init__(self, path: Path, name: str) -> None:
        self.path = path
        self.name = name
        self._infos: list[bytes] = []
        self._ids: dict[str, int] = {}
        self._digests: list[bytes] = []
        self._origins: list[Mapping[str, str]] = []
        self._findings: tuple[Finding, ...] | None = None
        self._stack = ExitStack()
        self._file: Any = None
        self._signals: Any = None
        self._truth: Any = None

    @property
    def n_recordings(self) -> int:
        return len(self._infos)

    @property
    def fingerprint(self) -> str:
        """SHA-256 over the content written so far, in hexadecimal."""
        return layout.fingerprint(self._digests)

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            temporary = stack.enter_context(replacing(self.path))
            self._file = h5py.File(
                temporary, "w", alignment_threshold=layout.ALIGNMENT, alignment_interval=layout.ALIGNMENT
            )
            stack.push(self._close)
            self._signals, self._truth = (self._file.create_group(name).id for name in ("signals", "truth"))
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # The stack must see the error, else it would put half a dataset in place.
        with self._stack:
            if error is not None:
                raise error
            self._finish()

    def _close(self, *_: object) -> None:
        try:
            self._file.close()
        except (OSError, RuntimeError) as error:
            raise self._unwritable(error) from error

    def _finish(self) -> None:
        if not self._infos:
            raise DataError(f"dataset {self.name!r} would hold no recording")
        provenance = encode_provenance(Provenance(tuple(self._origins), self._findings))
        try:
            self._file["recordings"] = np.frombuffer(b"\n".join(self._infos), np.uint8)
            self._file["digests"] = np.frombuffer(b"".join(self._digests), np.uint8).reshape(-1, 32)
            self._file[layout.PROVENANCE] = np.frombuffer(provenance, np.uint8)
            self._file[layout.PROVENANCE].attrs["sha256"] = np.bytes_(hashlib.sha256(provenance).hexdigest())
            self._file.attrs.update(
                {
                    "format": np.bytes_(layout.FORMAT),
                    "format_version": layout.VERSION,
                    "name": np.bytes_(self.name.encode()),
                    "fingerprint": np.bytes_(self.fingerprint),
                }
            )
        except (OSError, RuntimeError) as error:
            raise self._unwritable(error) from error

    def add(
        self,
        info: RecordingInfo,
        signal: npt.NDArray[np.floating[Any]],
        truth: Mapping[str, npt.NDArray[Any]] | None = None,
    ) -> None:
        """Append a recording: `signal` of shape `(channels, samples)`, stored as float32, and arrays of truth."""
        self.append(layout.pack(info, signal, truth))

    def append(self, packed: layout.Packed) -> None:
        """Append a recording that is packed already."""
        if packed.record_id in self._ids:
            raise DataError(f"recording {packed.record_id!r} is in dataset {self.name!r} already")
        name = layout.key(len(self._infos)).encode()
        try:
            _write(self._signals, name, packed.signal)
            if packed.truth:
                group = h5py.h5g.create(self._truth, name)
                for part, array in packed.truth.items():
                    _write(group, part.encode(), array)
        except (OSError, RuntimeError) as error:
            raise self._unwritable(error) from error
        self._ids[packed.record_id] = len(self._infos)
        self._infos.append(packed.info)
        self._digests.append(packed.digest)
        self._origins.append(packed.origins)

    def correct(self, info: RecordingInfo) -> None:
        """Give a recording that was added other columns, for what is known only when all have been read.

        Its arrays stay as they are, and are read back to be hashed with the columns.

        Raises
        ------
        DataError : there is no recording of this id, or its array is not what the columns say.
        ArtifactError : the file cannot be read back.
        """
        if (index := self._ids.get(info.record_id)) is None:
            raise DataError(f"recording {info.record_id!r} is not in dataset {self.name!r} yet: add it first")
        key = layout.key(index)
        try:
            signal = self._file["signals"][key][...]
            truth = {name: array[...] for name, array in self._file["truth"].get(key, {}).items()}
        except (OSError, RuntimeError) as error:
            raise self._unwritable(error) from error
        packed = layout.pack(info, signal, truth)
        self._infos[index], self._digests[index], self._origins[index] = packed.info, packed.digest, packed.origins

    def tell(self, findings: Iterable[Finding]) -> None:
        """Keep what was found in the recordings, in place of what was told before.

        A dataset whose writer was told nothing says that nobody has looked; told of no finding, that there is none.
        """
        self._findings = tuple(findings)

    def _unwritable(self, error: Exception) -> ArtifactError:
        return ArtifactError(
            f"cannot write {self.path}: {str(error).splitlines()[0]}", hint="check the space on the disk of PFD_HOME"
        )


def _write(group: Any, name: bytes, array: npt.NDArray[Any]) -> None:
    """Store an array under `group`, contiguous.

    By the low-level interface, as its group is made, since `create_dataset` takes four times as long, and longer than
    most of the arrays.
    """
    kind = h5py.h5t.py_create(array.dtype)
    space = h5py.h5s.create_simple(array.shape)
    stored = h5py.h5d.create(group, name, kind, space, _CONTIGUOUS)
    if array.size:
        stored.write(h5py.h5s.ALL, h5py.h5s.ALL, array, kind)
