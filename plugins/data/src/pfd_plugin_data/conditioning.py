"""What is done to recordings before windows are cut, so that all of them are treated alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pfd_plugin_data.bands import band_words, common_bandwidth, common_lowpass
from pfd_plugin_data.recording import RecordingInfo
from pfd_plugin_data.windows import Conditions, common_channel, common_rate


@dataclass(frozen=True)
class Conditioning:
    """One channel, one rate, one band.

    `lowpass_hz` is None where nothing is filtered: all recordings have one rate, and no filter was asked for.
    """

    channel: str
    sample_rate_hz: float
    lowpass_hz: float | None

    @staticmethod
    def of(
        recordings: Sequence[RecordingInfo],
        channel: str | None = None,
        sample_rate_hz: float | None = None,
        lowpass_hz: float | None = None,
    ) -> Conditioning:
        """Fill in what was left open from all recordings of a dataset, so that the parts of a split are treated alike.

        Where rates differ, all recordings are low-passed alike, so that none can be told by its rate.

        Raises
        ------
        DataError : they have no channel in common.
        """
        rate = sample_rate_hz or common_rate(recordings)
        lowpass = common_lowpass(recordings, rate, lowpass_hz)
        return Conditioning(channel or common_channel(recordings), rate, lowpass)

    @property
    def conditions(self) -> Conditions:
        """The same as parameters of `iter_windows`."""
        return {"channel": self.channel, "sample_rate_hz": self.sample_rate_hz, "lowpass_hz": self.lowpass_hz}

    def leaves(self, info: RecordingInfo) -> bool:
        """Whether a recording can be read as it is stored."""
        return info.sample_rate_hz == self.sample_rate_hz and self.lowpass_hz is None

    def bandwidth_hz(self, recordings: Sequence[RecordingInfo]) -> float:
        """The end of the band that all recordings fill, as `common_bandwidth` has it."""
        return common_bandwidth(recordings, self.sample_rate_hz, self.lowpass_hz)

    def words(self, recordings: Sequence[RecordingInfo]) -> str:
        """What was done to recordings of different rates, as `band_words` says it; empty where they have one rate."""
        return band_words(recordings, self.sample_rate_hz, self.lowpass_hz)
