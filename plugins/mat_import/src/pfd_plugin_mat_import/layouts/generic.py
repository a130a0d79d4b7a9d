"""Any other layout: the channels lie where the user says; what else is known, the user says as well."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import PurePosixPath
from typing import Any

import numpy as np
import numpy.typing as npt

from pfd import DataError
from pfd_plugin_data import ChannelInfo
from pfd_plugin_mat_import.layouts.base import Draft, samples
from pfd_plugin_mat_import.params import ChannelMap, FileMapping
from pfd_plugin_mat_import.places import Place, number_at

MAX_CHANNELS = 256

MAX_UNASKED = 16
"""Most channels that a matrix may have without that it is said to be one of channels: it may as well be of windows."""

MAX_RECORDINGS = 10_000
"""Most recordings of one file."""

_Rows = list[tuple[ChannelInfo, npt.NDArray[Any]]]
"""The channels of one recording."""


def convert(
    path: PurePosixPath,
    values: Mapping[str, Any],
    mapping: FileMapping,
    shapes: Mapping[str, tuple[int, ...]],
    beside: Collection[str] = (),
) -> list[Draft]:
    """The recordings at the places that `mapping.channels` names: one, or as many as an array has rows of them.

    `shapes` are the sides of the variables as the file has them, single ones too; variables `beside` the channels are
    passed over where several fit a pattern.

    Raises
    ------
    DataError : a place is not in the file or holds no channels, or they differ in length or number of recordings.
    """
    places = [(channel, place) for channel in mapping.channels for place in _each(channel, values, beside)]
    taken = [_recordings(channel, place, values, mapping, shapes) for channel, place in places]
    if len(set(map(len, taken))) > 1:
        counts = ", ".join(f"{place.text} {len(found)}" for (_, place), found in zip(places, taken, strict=True))
        raise DataError(f"its channels differ in recordings: {counts}")
    digits = max(3, len(str(len(taken[0]))))
    return [
        _draft(path, f"-{index:0{digits}d}" if mapping.of_recordings else "", [row for rows in parts for row in rows])
        for index, parts in enumerate(zip(*taken, strict=True), start=1)
    ]


def _each(channel: ChannelMap, values: Mapping[str, Any], beside: Collection[str]) -> list[Place]:
    """The places of a channel: one, or where it may be several, those that there are.

    A pattern fits variables of numbers alone, and none that is said to be something else.
    """
    place = Place.of(channel.variable)
    if place.head in values:
        return [place]
    wanted = (
        values if place.steps else [name for name in values if name not in beside and _may_be_channel(values[name])]
    )
    found = place.each(wanted)
    if not found:
        raise DataError(place.absent(values))
    if len(found) > 1 and not channel.several:
        shown = ", ".join(one.head for one in found[:3])
        raise DataError(f"{place.head} fits {shown}; several=true takes each as a channel")
    return found


def _may_be_channel(value: Any) -> bool:
    return _is_cell(value) or (isinstance(value, np.ndarray) and value.dtype.kind in "fiu" and value.size > 1)


def _draft(path: PurePosixPath, number: str, rows: _Rows) -> Draft:
    if len(rows) > MAX_CHANNELS:
        raise DataError(f"{len(rows)} channels; 1 to {MAX_CHANNELS} are read")
    if len({row.size for _, row in rows}) > 1:
        lengths = ", ".join(f"{info.sensor} {row.size}" for info, row in rows[:10])
        raise DataError(f"its channels differ in length: {lengths}")
    return Draft(
        record_id=f"{path.with_suffix('')}{number}",
        rows=[row for _, row in rows],
        channels=tuple(info for info, _ in rows),
        columns={},
        source=str(path),
        origins={
            name: "user: mapping.channels"
            for name in ("sensor", "axis", "unit")
            if any(getattr(info, name) for info, _ in rows)
        },
    )


def _recordings(
    channel: ChannelMap,
    place: Place,
    values: Mapping[str, Any],
    mapping: FileMapping,
    shapes: Mapping[str, tuple[int, ...]],
) -> list[_Rows]:
    """The channels at one place, by recording."""
    value = place.value(values)
    if mapping.of_recordings and place.is_variable and isinstance(value, np.ndarray) and not _is_cell(value):
        value = _whole(value, shapes.get(place.head, value.shape))
    scale = 1.0 if channel.scale is None else number_at(values, channel.scale)
    offset = 0.0 if channel.offset is None else number_at(values, channel.offset)
    if scale == 0:
        raise DataError(f"{channel.scale} is 0: as a scale it would make all samples equal")
    counts = channel.scale is not None or channel.offset is not None
    found = []
    for recording in _split_recordings(value, place.text, mapping):
        rows = _rows(channel, place.text, recording, mapping)
        with np.errstate(over="ignore", invalid="ignore"):  # what overflows is infinite, and a gap
            found.append([(info, row * scale + offset) for info, row in rows] if counts else rows)
    return found


def _whole(value: npt.NDArray[Any], shape: tuple[int, ...]) -> npt.NDArray[Any]:
    """An array with the single sides that were dropped from it: one row of a matrix is a recording, not its samples."""
    return value.reshape(shape) if value.size == np.prod(shape, dtype=np.int64) else value


def _is_cell(value: Any) -> bool:
    return isinstance(value, list) or (isinstance(value, np.ndarray) and value.dtype.kind == "O")


def _split_recordings(value: Any, place: str, mapping: FileMapping) -> list[Any]:
    """The recordings of an array or of a cell, where it is one of them."""
    if not mapping.of_recordings:
        return [value]
    if _is_cell(value) and mapping.rows:
        found = list(value)
    elif not isinstance(value, np.ndarray) or not 1 <= value.ndim <= 3 or (value.ndim == 3 and mapping.columns):
        sides = "×".join(map(str, value.shape)) if isinstance(value, np.ndarray) else f"a {type(value).__name__}"
        side = "rows" if mapping.rows else "columns"
        raise DataError(
            f"{place} is {sides}: {side}='recordings' is for a matrix, an array of three sides has them in rows"
        )
    elif value.ndim == 1:
        found = [value]
    else:
        found = list(value if mapping.rows else value.T)
    if not 1 <= len(found) <= MAX_RECORDINGS:
        raise DataError(f"{place} holds {len(found):,} recordings; 1 to {MAX_RECORDINGS:,} are read of one file")
    if any(np.size(one) < 2 for one in found if isinstance(one, np.ndarray)):
        other = "columns='recordings'" if mapping.rows else "rows='recordings'"
        raise DataError(f"{place} holds {len(found):,} recordings of one sample; is it {other}?")
    return [np.squeeze(one) if isinstance(one, np.ndarray) and one.ndim > 1 else one for one in found]


def _rows(channel: ChannelMap, place: str, value: Any, mapping: FileMapping) -> _Rows:
    """The channels of a vector, of a matrix, or of a cell of vectors."""
    name = channel.sensor or place
    rows = _split(value, place, mapping, asked=channel.channel is not None)
    if channel.channel is not None:
        if channel.channel > len(rows):
            raise DataError(f"{place} has {len(rows)} channels, and not {channel.channel}")
        rows = [rows[channel.channel - 1]]
        name = channel.sensor or f"{place}-{channel.channel}"
    names = [name] if len(rows) == 1 else [f"{name}-{index}" for index in range(1, len(rows) + 1)]
    return [
        (ChannelInfo(sensor, channel.axis, channel.unit), samples(row, sensor))
        for sensor, row in zip(names, rows, strict=True)
    ]


def _split(value: Any, place: str, mapping: FileMapping, *, asked: bool) -> list[Any]:
    """The channels of a value.  The samples of a matrix run along its longer side, where nobody says along which."""
    decided = asked or "channels" in (mapping.rows, mapping.columns)
    if _is_cell(value):
        rows = list(value)
    elif isinstance(value, np.ndarray) and value.ndim == 2:
        if mapping.rows == "channels" or mapping.columns == "channels":
            rows = list(value if mapping.rows else value.T)
        elif value.shape[0] == value.shape[1]:
            raise DataError(f"{place} is {len(value)}×{len(value)}: along which side its samples run is unknown")
        else:
            rows = list(value if value.shape[0] < value.shape[1] else value.T)
    elif isinstance(value, np.ndarray) and value.ndim == 3:
        sides = "×".join(map(str, value.shape))
        raise DataError(f"{place} is {sides}: mapping.rows='recordings' takes its first side as recordings")
    else:
        rows = [value]
    if not decided and len(rows) > MAX_UNASKED:
        side = "rows" if not isinstance(value, np.ndarray) or value.ndim < 2 or len(rows) == len(value) else "columns"
        if mapping.of_recordings:
            sides = "×".join(map(str, np.shape(value)))
            raise DataError(
                f"{place} has recordings of {sides}, which would be {len(rows)} channels; at most {MAX_UNASKED} are "
                "taken so, name those that are wanted by channel="
            )
        raise DataError(
            f"{place} holds {len(rows):,} {side}: are they recordings or channels?  "
            f"Say mapping.{side}='recordings' or mapping.{side}='channels'"
        )
    if not 1 <= len(rows) <= MAX_CHANNELS:
        raise DataError(f"{place} holds {len(rows)} channels; 1 to {MAX_CHANNELS} are read")
    return rows
