"""The band that all recordings of a dataset have in common.

Where rates differ, recordings that were brought down to the common rate lack what its anti-alias filter takes, and the
others do not.  A classifier that sees the difference learns how a class was recorded.
"""

from __future__ import annotations

from collections.abc import Sequence

from pfd_plugin_data.recording import RecordingInfo
from pfd_plugin_data.resampling import FLAT_SHARE


def common_lowpass(
    recordings: Sequence[RecordingInfo], sample_rate_hz: float, lowpass_hz: float | None = None
) -> float | None:
    """The edge at which all recordings are to be low-passed, Hz; None where they have one rate.

    It is `lowpass_hz` where that is asked for.  `sample_rate_hz` is the common rate: else the edge is the end of what
    its anti-alias filter leaves untouched, 0.41 of that rate.
    """
    if lowpass_hz is not None:
        return lowpass_hz
    return FLAT_SHARE * sample_rate_hz / 2 if len(_rates(recordings)) > 1 else None


def common_bandwidth(recordings: Sequence[RecordingInfo], sample_rate_hz: float, lowpass_hz: float | None) -> float:
    """The end of the band, Hz, that all recordings fill at the common rate behind a low-pass filter (None: no filter).

    One for all: else its width would tell how a class was recorded.
    """
    band = sample_rate_hz / 2
    if max(_rates(recordings)) > sample_rate_hz:
        band *= FLAT_SHARE
    return band if lowpass_hz is None else min(band, lowpass_hz)


def band_words(recordings: Sequence[RecordingInfo], sample_rate_hz: float, lowpass_hz: float | None) -> str:
    """What was done to recordings of different rates, for the provenance of a score; empty where they have one rate.

    Says so, too, where a filter that was asked for leaves them apart.
    """
    edge = common_lowpass(recordings, sample_rate_hz)
    if edge is None:
        return ""
    rates = ", ".join(f"{rate:g}" for rate in _rates(recordings))
    passed = "not low-passed" if lowpass_hz is None else f"low-passed at {lowpass_hz:g} Hz"
    words = f"recorded at {rates} Hz, all brought to {sample_rate_hz:g} Hz and {passed}"
    if lowpass_hz is None or lowpass_hz > edge:
        words += f": above {edge:g} Hz they can be told apart by their rates"
    return words


def _rates(recordings: Sequence[RecordingInfo]) -> list[float]:
    return sorted({info.sample_rate_hz for info in recordings})
