"""Writing a dataset file, one recording after the other, whole or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import h5py
import numpy as np
import numpy.typing as npt

from pfd import ArtifactError, DataError, replacing
from pfd_plugin_data import layout
from pfd_plugin_data.recording import RecordingInfo


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
        self._ids: set[str] = set()
        self._digests: list[bytes] = []
        self._stack = ExitStack()
        self._file: Any = None

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
        try:
            self._file["recordings"] = np.frombuffer(b"\n".join(self._infos), np.uint8)
            self._file["digests"] = np.frombuffer(b"".join(self._digests), np.uint8).reshape(-1, 32)
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
        truth: Mapping[str, npt.NDArray[np.floating[Any]]] | None = None,
    ) -> None:
        """Append a recording: `signal` of shape `(channels, samples)`, stored as float32, and arrays of truth."""
        if info.record_id in self._ids:
            raise DataError(f"recording {info.record_id!r} is in dataset {self.name!r} already")
        if signal.shape != (len(info.channels), info.n_samples):
            raise DataError(
                f"recording {info.record_id!r}: its array is {signal.shape}, "
                f"its columns say {(len(info.channels), info.n_samples)}"
            )
        with np.errstate(over="ignore"):  # what overflows is infinite, and refused here
            stored = np.ascontiguousarray(signal, dtype=layout.SIGNAL_TYPE)
        if not np.isfinite(stored).all():
            raise DataError(f"recording {info.record_id!r}: its signal holds values that are no finite float32")
        known = {name: np.ascontiguousarray(array, dtype="<f8") for name, array in (truth or {}).items()}
        encoded = layout.encode_info(info)
        key = layout.key(len(self._infos))
        try:
            self._file.create_dataset(f"signals/{key}", data=stored)
            for name, array in known.items():
                self._file.create_dataset(f"truth/{key}/{name}", data=array)
        except (OSError, RuntimeError) as error:
            raise self._unwritable(error) from error
        self._ids.add(info.record_id)
        self._infos.append(encoded)
        self._digests.append(layout.digest(encoded, stored, known))

    def _unwritable(self, error: Exception) -> ArtifactError:
        return ArtifactError(
            f"cannot write {self.path}: {str(error).splitlines()[0]}", hint="check the space on the disk of PFD_HOME"
        )
