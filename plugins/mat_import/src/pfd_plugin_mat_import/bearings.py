"""Bearings whose recordings share samples: one of the names is wrong, or a file, and no split may part them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from pfd_plugin_data import RecordingInfo
from pfd_plugin_mat_import.copies import Shared
from pfd_plugin_mat_import.findings import finding, labelled, listed
from pfd_plugin_mat_import.params import Finding


def unite(recordings: Sequence[RecordingInfo], shared: Sequence[Shared]) -> tuple[list[RecordingInfo], list[Finding]]:
    """The recordings, those that share samples of one bearing, and a finding for each bearing that took others in.

    Whole bearings become one, also their recordings that share nothing.  The name is that of the earliest recording.
    """
    if not shared:
        return list(recordings), []
    from scipy.cluster.hierarchy import DisjointSet  # takes longer to load than most imports to compare

    names = list(dict.fromkeys(info.bearing_id for info in recordings))
    bearings = DisjointSet(names)
    binding = [one for one in shared if one.binds]
    for one in binding:
        bearings.merge(recordings[one.first].bearing_id, recordings[one.second].bearing_id)
    first: dict[str, str] = {}
    for name in names:
        first.setdefault(bearings[name], name)
    found = [_of(info, first[bearings[info.bearing_id]]) for info in recordings]
    moved: defaultdict[str, list[RecordingInfo]] = defaultdict(list)
    for before, after in zip(recordings, found, strict=True):
        if before is not after:
            moved[after.bearing_id].append(before)
    faults: defaultdict[str, list[str | None]] = defaultdict(list)
    for one in binding:
        faults[found[one.first].bearing_id] += (found[index].fault_type for index in (one.first, one.second))
    return found, [_finding(name, infos, faults[name]) for name, infos in moved.items()]


def _of(info: RecordingInfo, bearing: str) -> RecordingInfo:
    """The recording as one of that bearing."""
    if info.bearing_id == bearing:
        return info
    own, kept = (listed([name]) for name in (info.bearing_id, bearing))
    origin = f"{info.origins.get('bearing_id', 'unknown')}, {own}; one bearing with {kept}, as recordings share samples"
    return replace(info, bearing_id=bearing, origins={**info.origins, "bearing_id": origin})


def _finding(name: str, moved: Sequence[RecordingInfo], faults: Sequence[str | None]) -> Finding:
    others = listed(dict.fromkeys(info.bearing_id for info in moved))
    text = f"{others} are taken for one bearing with {listed([name])}: recordings of theirs share samples"
    return finding(
        "one_bearing",
        [info.record_id for info in moved],
        f"{text}{labelled(faults)}; if they are several, take the copies out of the source and import it again",
    )
