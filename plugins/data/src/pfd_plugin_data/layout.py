"""The layout of a dataset file, shared by its writer and its reader.

    /                  attributes: format, format_version, name, fingerprint
    /recordings        UTF-8 text as uint8, one line of JSON a recording: the columns of `RecordingInfo`
    /remarks           the same, one line of JSON: its `Provenance`; attribute: sha256 of it
    /digests           uint8 (recordings, 32): SHA-256 over each recording's columns, signal and truth
    /signals/000000    little-endian float32 (channels, samples), contiguous and aligned: it can be memory-mapped
    /truth/000000/...  what a simulator knows beside the signal: float64, such as `impact_times`, s, or uint8

Nothing in it is of variable length: HDF5 keeps such values in a heap, and hangs on one that is damaged.

The fingerprint is the SHA-256 over the digests.  It says what is in a dataset, whatever its name, its file, and its
provenance: where its values came from, and findings.

Version 1 has no provenance.  Its digests are those of version 2, so the same content has the same fingerprint in both.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import TypeAdapter

from pfd import DataError
from pfd_plugin_data.recording import RecordingInfo
from pfd_plugin_data.speed_profile import SpeedProfile

FORMAT = "pfd-dataset"
VERSION = 2
PROVENANCE = "remarks"
"""The array that holds the provenance: format 2 calls it so."""

DIGESTED_AS = b"pfd-dataset/1"
"""What a digest begins with.  It stays as it is for as long as the same content is to have the same fingerprint."""

SIGNAL_TYPE = np.dtype("<f4")
TRUTH_TYPES = (np.dtype("<f8"), np.dtype("u1"))
ALIGNMENT = 64
"""Bytes; a cache line.  HDF5 by itself would leave half of the arrays off a multiple of four."""

_INFO = TypeAdapter(RecordingInfo)
_LATER = ("rpm_measured", "rpm_uncertainty", "treatment")


def key(index: int) -> str:
    """The name of the arrays of one recording."""
    return f"{index:06d}"


def encode_info(info: RecordingInfo) -> bytes:
    """The columns of a recording, without where they came from.

    Columns that came later are left out where they say nothing: what was written before has the same fingerprint.
    """
    silent = {name for name in _LATER if getattr(info, name) is None}
    left_out: dict[str, Any] = dict.fromkeys({"origins"} | silent, True)
    if all(channel.offset is None for channel in info.channels):
        left_out["channels"] = {"__all__": {"offset"}}
    return _INFO.dump_json(info, exclude=left_out)


def decode_info(text: bytes) -> RecordingInfo:
    """Raises `ValueError` (pydantic's) or `DataError` for columns that no writer has written."""
    return _INFO.validate_json(text)


@dataclass(frozen=True)
class Packed:
    """A recording as it is stored: its columns as JSON and where they came from, its arrays in the types of the file,
    and its digest."""

    record_id: str
    info: bytes
    signal: npt.NDArray[np.float32]
    truth: Mapping[str, npt.NDArray[Any]]
    digest: bytes
    origins: Mapping[str, str]


def pack(info: RecordingInfo, signal: npt.NDArray[Any], truth: Mapping[str, npt.NDArray[Any]] | None = None) -> Packed:
    """Check a recording and bring it into the form in which it is stored.

    `signal` is `(channels, samples)`; an array of truth of bytes or booleans is kept as uint8, all else as float64.

    Raises
    ------
    DataError : its array is not what its columns say, or holds values that float32 has not; `speed_hz` is not a
        course of a speed.
    """
    if signal.shape != (len(info.channels), info.n_samples):
        raise DataError(
            f"recording {info.record_id!r}: its array is {signal.shape}, "
            f"its columns say {(len(info.channels), info.n_samples)}"
        )
    with np.errstate(over="ignore"):  # what overflows is infinite, and refused here
        stored = np.ascontiguousarray(signal, dtype=SIGNAL_TYPE)
    if not np.isfinite(stored).all():
        raise DataError(f"recording {info.record_id!r}: its signal holds values that are not finite float32")
    known = {name: _truth_array(array) for name, array in (truth or {}).items()}
    if "speed_hz" in known:
        try:
            SpeedProfile.of_even(known["speed_hz"], info.n_samples, info.sample_rate_hz)
        except DataError as error:
            raise DataError(f"recording {info.record_id!r}: its speed_hz: {error}") from error
    encoded = encode_info(info)
    return Packed(info.record_id, encoded, stored, known, digest(encoded, stored, known), dict(info.origins))


def to_buffers(recordings: Sequence[Packed]) -> list[bytes | memoryview]:
    """Packed recordings as bytes, for another process: what they are as JSON, their columns, their arrays."""
    about, held = [], []
    for packed in recordings:
        arrays = {"": packed.signal, **packed.truth}  # no array of truth has an empty name
        kinds = [(name, array.dtype.str, array.shape) for name, array in arrays.items()]
        about.append((packed.record_id, packed.digest.hex(), dict(packed.origins), kinds))
        held += [array.reshape(-1).view(np.uint8).data for array in arrays.values()]
    return [json.dumps(about).encode(), b"\n".join(packed.info for packed in recordings), *held]


def from_buffers(buffers: Sequence[bytes | memoryview]) -> Iterator[Packed]:
    """The recordings of `to_buffers`."""
    about, infos, *held = buffers
    arrays = iter(held)
    for (record_id, digested, origins, kinds), info in zip(
        json.loads(bytes(about)), bytes(infos).split(b"\n"), strict=True
    ):
        known = {name: np.frombuffer(next(arrays), kind).reshape(shape) for name, kind, shape in kinds}
        yield Packed(record_id, info, known.pop(""), known, bytes.fromhex(digested), origins)


def _truth_array(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    floats, marks = TRUTH_TYPES
    return np.ascontiguousarray(array, dtype=marks if array.dtype in (np.uint8, np.bool_) else floats)


def digest(info: bytes, signal: npt.NDArray[np.float32], truth: Mapping[str, npt.NDArray[Any]]) -> bytes:
    """SHA-256 over all that is kept of a recording, its columns included.

    Each part goes in with its name and shape, so that no two different recordings give the same bytes.
    """
    hasher = hashlib.sha256(DIGESTED_AS)
    parts: list[tuple[str, npt.NDArray[Any]]] = [("info", np.frombuffer(info, np.uint8)), ("signal", signal)]
    for name, array in parts + sorted(truth.items()):
        hasher.update(f"\0{name}\0{array.dtype.str}\0{array.shape}\0".encode())
        hasher.update(np.ascontiguousarray(array).data)
    return hasher.digest()


def fingerprint(digests: Iterable[bytes]) -> str:
    """The fingerprint of a dataset whose recordings have these digests."""
    return hashlib.sha256(b"".join(digests)).hexdigest()
