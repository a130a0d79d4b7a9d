"""Groups of recordings: those at one speed, those at one load, and those that take part at all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np

from pfd import DataError, Hint
from pfd_plugin_data.classes import UNLABELLED
from pfd_plugin_data.recording import RecordingInfo

SAME_SPEED = 0.05
"""Speeds closer than this are one speed: 1730 to 1797 rpm is the slip of one motor under load."""


def kept_indices(recordings: Sequence[RecordingInfo], left_out: tuple[str, ...]) -> list[int]:
    """Indices of the recordings that `left_out` names neither by class nor by bearing nor by id.

    Those of unknown fault are left out by `UNLABELLED`.
    """
    names = [{info.fault_type or UNLABELLED, info.bearing_id, info.record_id} for info in recordings]
    known = set().union(*names)
    for name in left_out:
        if name not in known:
            bearings = f"there are {', '.join(sorted({info.bearing_id for info in recordings})[:10])}"
            raise DataError(
                f"leave_out: no class, bearing or recording is called {name!r}",
                hint=Hint.did_you_mean(name, known, bearings),
            )
    kept = [index for index, own in enumerate(names) if not own & set(left_out)]
    if not kept:
        raise DataError("no recording is left to split", hint="leave out less")
    return kept


def require_labels(recordings: Sequence[RecordingInfo], kept: list[int]) -> None:
    """Raises `DataError` for recordings of unknown fault, which is not a class."""
    unlabelled = [index for index in kept if recordings[index].fault_type is None]
    if not unlabelled:
        return
    first = recordings[unlabelled[0]].record_id
    left = f"{Hint.parameter('leave_out', [UNLABELLED])}, or " if len(unlabelled) < len(kept) else ""
    raise DataError(
        f"{len(unlabelled)} of {len(kept)} recordings are unlabelled, the first is {first!r}: "
        "nothing can be learnt from them, or judged by them",
        hint=f"{left}give their fault_type where they are imported",
    )


def by_class(
    recordings: Sequence[RecordingInfo], kept: list[int], group_of: Callable[[RecordingInfo], str]
) -> tuple[dict[str, list[int]], dict[str, list[str]]]:
    """The recordings of each group, and the groups of each class, both sorted by name.

    A bearing that was healthy and then failed counts for the class that it spent most recordings in.
    """
    found: dict[str, list[int]] = {}
    for index in kept:
        found.setdefault(group_of(recordings[index]), []).append(index)
    members = dict(sorted(found.items()))
    classes: dict[str, list[str]] = {}
    for group, indices in members.items():
        most = Counter(sorted(recordings[i].label for i in indices)).most_common(1)[0][0]
        classes.setdefault(most, []).append(group)
    return members, dict(sorted(classes.items()))


def by_speed(recordings: Sequence[RecordingInfo], kept: list[int]) -> dict[str, list[int]]:
    """Recordings by speed, slowest first.  Neighbours within `SAME_SPEED` are joined, so a ramp is one group."""
    _require_known(recordings, kept, "speed", [i for i in kept if recordings[i].rpm is None])
    ordered = sorted(kept, key=lambda i: recordings[i].rpm or 0.0)
    runs: list[list[int]] = []
    last = 0.0
    for index in ordered:
        speed = recordings[index].rpm or 0.0
        if not runs or speed > last * (1 + SAME_SPEED):
            runs.append([])
        runs[-1].append(index)
        last = speed
    return {f"{np.median([recordings[i].rpm or 0.0 for i in run]):.6g} rpm": run for run in runs}


def by_load(recordings: Sequence[RecordingInfo], kept: list[int]) -> dict[str, list[int]]:
    """Recordings by load, lightest first where loads begin with a number."""
    _require_known(recordings, kept, "load", [i for i in kept if recordings[i].load is None])
    groups: dict[str, list[int]] = {}
    for index in kept:
        groups.setdefault(recordings[index].load or "", []).append(index)
    return dict(sorted(groups.items(), key=lambda item: (_number(item[0]), item[0])))


def _number(load: str) -> float:
    try:
        return float(load.split(maxsplit=1)[0])
    except (ValueError, IndexError):
        return float("inf")


def _require_known(recordings: Sequence[RecordingInfo], kept: list[int], noun: str, unknown: list[int]) -> None:
    if unknown:
        raise DataError(
            f"cannot split by {noun}: it is unknown for {len(unknown)} of {len(kept)} recordings, "
            f"the first is {recordings[unknown[0]].record_id!r}"
        )
