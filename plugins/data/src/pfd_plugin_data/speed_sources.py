"""Which speed of a shaft counts: the one that is declared of a recording, or the one that its signal shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from pfd import DataError
from pfd_plugin_data.params import SpeedSource
from pfd_plugin_data.recording import RecordingInfo

MEASURED = "measured: the lines of its signal"
"""The `rpm_source` of a speed that was measured."""


def of_source(recordings: Sequence[RecordingInfo], source: SpeedSource, path: Path) -> tuple[RecordingInfo, ...]:
    """The recordings with the speed of that source as their `rpm`; where none was measured it stays the declared one.

    Raises
    ------
    DataError : measured speeds are asked for, and no recording has one.
    """
    if source == "declared":
        return tuple(recordings)
    if all(info.rpm_measured is None for info in recordings):
        raise DataError(
            f"{path}: speed_source=measured, and no recording has a speed that was measured",
            hint="an import measures speeds near the declared ones; leave speed_source out to use these",
        )
    return tuple(map(_measured, recordings))


def _measured(info: RecordingInfo) -> RecordingInfo:
    if info.rpm_measured is None or info.speed_changes:
        return info
    return replace(info, rpm=info.rpm_measured, rpm_source=MEASURED)


def speed_words(recordings: Sequence[RecordingInfo]) -> str:
    """Which speeds count, for the provenance of a score; empty where all are the declared ones."""
    measured = sum(info.rpm_source == MEASURED for info in recordings)
    return f"speeds as measured ({measured} of {len(recordings)} recordings)" if measured else ""
