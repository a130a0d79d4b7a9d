from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pfd import DataError
from pfd_plugin_data import common_channel, common_rate, iter_windows, open_dataset
from pfd_plugin_data.resampling import low_pass
from pfd_plugin_data.sources import resample


def tone(rate_hz: float, frequency_hz: float, seconds: float = 1.0) -> np.ndarray:
    times = np.arange(round(rate_hz * seconds)) / rate_hz
    return np.asarray(np.sin(2 * np.pi * frequency_hz * times), dtype=np.float32)


def spectrum_peak(x: np.ndarray, rate_hz: float) -> float:
    spectrum = np.abs(np.fft.rfft(x * np.hanning(x.size)))
    return float(np.argmax(spectrum) * rate_hz / x.size)


@settings(max_examples=100, deadline=None)
@given(n=st.integers(1, 400), window=st.integers(1, 100), hop=st.integers(1, 120))
def test_windows_hold_the_samples_they_start_at(tmp_path_factory, make_info, n: int, window: int, hop: int) -> None:
    from pfd_plugin_data import DatasetWriter

    signal = np.arange(n, dtype=np.float32)[np.newaxis]
    path = tmp_path_factory.mktemp("windows") / "d.h5"
    with DatasetWriter(path, "d") as writer:
        writer.add(make_info(n_samples=n), signal)
    batches = list(iter_windows(open_dataset(path), [0], window=window, hop=hop))
    starts = [int(start) for batch in batches for start in batch.start]
    assert starts == list(range(0, n - window + 1, hop))
    for batch in batches:
        assert batch.x.dtype == np.float32
        assert batch.x.flags.c_contiguous
        np.testing.assert_array_equal(batch.x, batch.start[:, np.newaxis] + np.arange(window))


def test_a_long_recording_comes_in_bounded_batches(make_info, write_dataset, noise) -> None:
    dataset = open_dataset(write_dataset([(make_info(n_samples=5000), noise(1, 5000))]))
    batches = list(iter_windows(dataset, [0], window=10, hop=1))
    assert max(len(batch.x) for batch in batches) <= 1024
    assert sum(len(batch.x) for batch in batches) == 4991


def test_recordings_at_other_rates_come_down_to_the_lowest(make_info, write_dataset) -> None:
    rates = (12_000.0, 48_000.0, 20_000.0, 48_828.0)
    dataset = open_dataset(
        write_dataset(
            [
                (make_info(f"r{rate:g}", sample_rate_hz=rate, n_samples=round(rate)), tone(rate, 1000)[np.newaxis])
                for rate in rates
            ]
        )
    )
    assert common_rate(dataset.recordings) == 12_000
    for index in range(len(rates)):
        (batch,) = iter_windows(dataset, [index], window=11_000, hop=11_000)
        assert batch.sample_rate_hz == 12_000
        assert batch.record == index
        assert spectrum_peak(batch.x[0], 12_000) == pytest.approx(1000, abs=1.1)
        # The same moment, not a sample off: the filter's delay is taken out.
        np.testing.assert_allclose(batch.x[0, 500:10_500], tone(12_000, 1000)[500:10_500], atol=2e-3)


def test_the_common_rate_is_that_of_the_whole_dataset_so_that_parts_agree(make_info, write_dataset) -> None:
    recordings = [
        (make_info(f"r{rate:g}", sample_rate_hz=rate, n_samples=round(rate)), tone(rate, 1000)[np.newaxis])
        for rate in (12_000.0, 48_000.0)
    ]
    dataset = open_dataset(write_dataset(recordings))
    rates = {batch.sample_rate_hz for i in (0, 1) for batch in iter_windows(dataset, [i], window=1000, hop=1000)}
    assert rates == {12_000.0}


def test_a_rate_can_be_asked_for_but_never_above_what_was_measured(make_info, write_dataset, noise) -> None:
    dataset = open_dataset(write_dataset([(make_info(n_samples=12_000), noise(1, 12_000))]))
    (batch,) = iter_windows(dataset, [0], window=6000, hop=6000, sample_rate_hz=6000)
    assert batch.sample_rate_hz == 6000
    with pytest.raises(DataError, match="cannot be brought to 24000 Hz"):
        list(iter_windows(dataset, [0], window=10, hop=10, sample_rate_hz=24_000))


@pytest.mark.parametrize(("rate", "new_rate"), [(48_000, 12_000), (48_828, 12_000), (20_000, 12_000)])
def test_nothing_folds_back_and_the_band_below_is_flat(rate: float, new_rate: float) -> None:
    middle = slice(200, -200)
    nyquist = new_rate / 2
    for share in (1.01, 1.1, 1.5):
        if share * nyquist < rate / 2:
            assert np.abs(resample(tone(rate, share * nyquist), rate, new_rate)[middle]).max() < 1e-4
    for share in (0.05, 0.5, 0.8):
        kept = resample(tone(rate, share * nyquist), rate, new_rate)[middle]
        assert np.sqrt(2 * np.mean(kept**2)) == pytest.approx(1, abs=2e-3)


def test_a_low_pass_removes_what_lies_above_its_edge_and_moves_nothing() -> None:
    low, high = tone(12_000, 1000), tone(12_000, 5500)
    passed = low_pass(low + high, 12_000, 4000)
    np.testing.assert_allclose(passed[500:-500], low[500:-500], atol=2e-3)
    for edge in (6000, 1, 5e-324):
        with pytest.raises(DataError, match=r"between 1\.2 and half the rate, 6000 Hz"):
            low_pass(low, 12_000, edge)


def test_windows_are_low_passed_at_the_common_rate(make_info, write_dataset) -> None:
    signal = (tone(12_000, 1000) + tone(12_000, 5500))[np.newaxis]
    dataset = open_dataset(write_dataset([(make_info(n_samples=12_000), signal)]))
    (batch,) = iter_windows(dataset, [0], window=12_000, hop=1, lowpass_hz=4000)
    np.testing.assert_allclose(batch.x[0, 500:-500], tone(12_000, 1000)[500:-500], atol=2e-3)


def test_the_channel_is_the_drive_end_where_all_have_it_else_the_first_common_one(make_info) -> None:
    both, fan = make_info("a", sensors=("FE", "BA", "DE")), make_info("b", sensors=("BA", "FE"))
    assert common_channel([both, both]) == "DE"
    assert common_channel([both, fan]) == "FE"
    with pytest.raises(DataError, match="no channel in common") as caught:
        common_channel([make_info("a", sensors=("DE",)), make_info("b", sensors=("X",))])
    assert "DE, X" in str(caught.value.hint)


def test_a_channel_is_chosen_by_name(make_info, write_dataset, noise) -> None:
    signal = noise(2, 100)
    dataset = open_dataset(write_dataset([(make_info(sensors=("DE", "FE")), signal)]))
    (batch,) = iter_windows(dataset, [0], window=100, hop=1, channel="FE")
    np.testing.assert_array_equal(batch.x[0], signal[1])
    with pytest.raises(DataError, match="has no channel 'BA'; it has DE, FE"):
        list(iter_windows(dataset, [0], window=100, hop=1, channel="BA"))


@pytest.mark.parametrize(("window", "hop"), [(0, 1), (1, 0), (-5, 5)])
def test_a_window_or_hop_below_one_is_refused(make_info, write_dataset, noise, window: int, hop: int) -> None:
    dataset = open_dataset(write_dataset([(make_info(), noise(1, 100))]))
    with pytest.raises(DataError, match="at least 1"):
        list(iter_windows(dataset, [0], window=window, hop=hop))
