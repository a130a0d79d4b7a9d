"""What to do where recordings cannot be split as asked: only what has been tried on them and works."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from pfd import DataError, Hint
from pfd_plugin_data.classes import HEALTHY
from pfd_plugin_data.grouping import by_class, by_load, by_speed, kept_indices
from pfd_plugin_data.recording import RecordingInfo

HONEST = ("bearing", "recording", "load", "speed")

MOST_VALUES = 5
"""Values to test at that a hint names."""

Deal = Callable[[str, list[int], str | None], object]
"""Splits these recordings by a protocol, at a value to test at or none; raises `DataError` where that cannot be."""


def suggest_splits(
    recordings: Sequence[RecordingInfo],
    kept: list[int],
    deal: Deal,
    *,
    protocol: str,
    left_out: tuple[str, ...] = (),
) -> str:
    """A hint for recordings that `deal` refuses to split by `protocol`.

    Parameters
    ----------
    left_out : what is left out already, since a further `leave_out` must name that as well.
    """
    least = min(2, len({recordings[i].label for i in kept}))

    def works(name: str, indices: list[int], value: str | None = None) -> bool:
        if len({recordings[i].label for i in indices}) < least:
            return False
        try:
            deal(name, indices, value)
        except DataError:
            return False
        return True

    ways = [_named(name) for name in HONEST if name != protocol and works(name, kept)]
    values = [value for value in _groups(recordings, kept, protocol) if works(protocol, kept, value)]
    ways += [Hint.parameter("test_value", value) for value in values[:MOST_VALUES]]
    tried: list[set[str]] = []
    for names in (*_spoilers(recordings, kept, protocol), *_spoilers(recordings, kept, "bearing")):
        left = [*left_out, *sorted(names)]
        without = _kept_without(recordings, tuple(left))
        works_by = next((name for name in (protocol, *HONEST) if works(name, without)), None)
        if names not in tried and works_by is not None:
            by = "" if works_by == protocol else f" with {_named(works_by)}"
            ways.append(f"{Hint.parameter('leave_out', left)}{by}{_lost(recordings, kept, without)}")
        tried.append(names)
    leaky = f"{Hint.parameter('protocol', 'leaky-random')} (deals out windows, and is marked as leaky)"
    if ways:
        return f"this would work here: {'; or '.join(ways)}; or {leaky}"
    need = "these recordings cannot be split without leakage: record at least 2 bearings of each class"
    return f"{need}; until then {leaky}"


def _lost(recordings: Sequence[RecordingInfo], kept: list[int], without: list[int]) -> str:
    """What nothing could be said of any more, where that is more than a kind of fault."""
    before, after = ({recordings[i].label for i in indices} for indices in (kept, without))
    if HEALTHY in before and HEALTHY not in after:
        told = ", ".join(sorted(after))
        return f" (loses the healthy class: a model tells {told} apart, and not whether a bearing is damaged)"
    return ""


def _kept_without(recordings: Sequence[RecordingInfo], left_out: tuple[str, ...]) -> list[int]:
    try:
        return kept_indices(recordings, left_out)
    except DataError:  # nothing is left
        return []


def _named(protocol: str) -> str:
    said = " (which puts recordings of one bearing on both sides)" if protocol == "recording" else ""
    return Hint.parameter("protocol", protocol) + said


def _groups(recordings: Sequence[RecordingInfo], kept: list[int], protocol: str) -> dict[str, list[int]]:
    """The recordings at each speed or load; none for other protocols, or where some are unknown."""
    try:
        return {"speed": by_speed, "load": by_load}[protocol](recordings, kept)
    except (KeyError, DataError):
        return {}


def _spoilers(recordings: Sequence[RecordingInfo], kept: list[int], protocol: str) -> Iterator[set[str]]:
    """What may stand in the way: classes that are met once only, or recordings of unknown speed or load."""
    if protocol in ("speed", "load"):
        unknown = {
            recordings[i].record_id
            for i in kept
            if (recordings[i].rpm if protocol == "speed" else recordings[i].load) is None
        }
        if 0 < len(unknown) <= MOST_VALUES:
            yield unknown
        groups = _groups(recordings, kept, protocol).values()
        held = [{recordings[i].label for i in indices} for indices in groups]
        partial = {name for labels in held for name in labels if not all(name in others for others in held)}
    else:
        bearings = by_class(
            recordings, kept, lambda info: info.record_id if protocol == "recording" else info.bearing_id
        )[1]
        partial = {recordings[i].label for i in kept} - {name for name, own in bearings.items() if len(own) > 1}
    if partial:
        yield partial
