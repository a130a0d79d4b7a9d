"""Any other layout: the channels lie where the user says; what else is known, the user says as well."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

import numpy as np
import numpy.typing as npt

from pfd import DataError
from pfd_plugin_data import ChannelInfo
from pfd_plugin_mat_import.layouts.base import Draft, samples
from pfd_plugin_mat_import.mapping import lookup
from pfd_plugin_mat_import.params import ChannelMap

MAX_CHANNELS = 256


def convert(path: PurePosixPath, values: Mapping[str, Any], channels: Sequence[ChannelMap]) -> Draft:
    """The recording at the places that `channels` names.

    Raises
    ------
    DataError : a place is not in the file or holds no channels, or they differ in length.
    """
    found = [row for channel in channels for row in _rows(channel, lookup(values, channel.variable))]
    if len({row.size for _, row in found}) > 1:
        lengths = ", ".join(f"{info.sensor} {row.size}" for info, row in found[:10])
        raise DataError(f"its channels differ in length: {lengths}")
    return Draft(
        record_id=str(path.with_suffix("")),
        signal=np.stack([row for _, row in found]),
        channels=tuple(info for info, _ in found),
        columns={},
        source=str(path),
        origins={
            name: "user: mapping.channels"
            for name in ("sensor", "axis", "unit")
            if any(getattr(info, name) for info, _ in found)
        },
    )


def _rows(channel: ChannelMap, value: Any) -> list[tuple[ChannelInfo, npt.NDArray[np.float32]]]:
    """The channels of a vector, of a matrix (samples run along its longer side), or of a cell of vectors."""
    name = channel.sensor or channel.variable
    rows = _split(value, channel.variable)
    if channel.channel is not None:
        if channel.channel > len(rows):
            raise DataError(f"{channel.variable} has {len(rows)} channels, and not {channel.channel}")
        rows = [rows[channel.channel - 1]]
        name = channel.sensor or f"{channel.variable}-{channel.channel}"
    names = [name] if len(rows) == 1 else [f"{name}-{index}" for index in range(1, len(rows) + 1)]
    return [
        (ChannelInfo(sensor, channel.axis, channel.unit), samples(row, sensor))
        for sensor, row in zip(names, rows, strict=True)
    ]


def _split(value: Any, place: str) -> list[Any]:
    if isinstance(value, list) or (isinstance(value, np.ndarray) and value.dtype.kind == "O"):
        rows = list(value)
    elif isinstance(value, np.ndarray) and value.ndim == 2:
        if value.shape[0] == value.shape[1]:
            raise DataError(f"{place} is {len(value)}×{len(value)}: along which side its samples run is unknown")
        rows = list(value if value.shape[0] < value.shape[1] else value.T)
    else:
        rows = [value]
    if not 1 <= len(rows) <= MAX_CHANNELS:
        raise DataError(f"{place} holds {len(rows)} channels; 1 to {MAX_CHANNELS} are read")
    return rows
