from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pfd
from pfd import DataError
from pfd_plugin_data import ChannelInfo, find_dataset, open_dataset
from pfd_plugin_mat_import import import_mat_dataset_task
from pfd_plugin_mat_import.conversion import convert_file
from pfd_plugin_mat_import.params import ChannelMap, FileMapping
from pfd_plugin_mat_import.treatment import MOST_FILLED, Gaps, treat

ONE = (ChannelInfo("x"),)
RIG = {"fault_type": "normal", "bearing_id": "b", "sample_rate_hz": 1000.0}


def noise(n: int = 1000, seed: int = 0) -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.random.default_rng(seed).standard_normal(n)


def test_samples_that_are_no_numbers_are_counted_and_their_places_told() -> None:
    values = np.zeros(1000)
    values[[16, 40, 41, 42, 99, 300]] = np.nan
    values[300] = np.inf
    values[500] = 1e300
    with pytest.raises(DataError) as raised:
        treat([values], ONE)
    assert str(raised.value) == (
        "x holds 7 of 1,000 samples that are not numbers (5 NaN, 1 infinite, 1 beyond float32), "
        "at 17, 41 to 43, 100 and at 2 more places; mapping.gaps can drop or interpolate them"
    )


def test_gaps_are_filled_on_a_line_between_their_neighbours_and_with_the_nearest_at_the_ends() -> None:
    values = np.arange(1000.0)
    values[[0, 1, 500, 501, 502, 999]] = [np.nan, np.inf, np.nan, -np.inf, 1e300, np.nan]
    found = treat([values], ONE, "interpolate")
    expected = np.clip(np.arange(1000.0), 2, 998)
    np.testing.assert_array_equal(found.signal[0], expected.astype(np.float32))
    assert found.gaps == found.treatment == "6 of 1,000 samples interpolated (3 gaps, the longest 3)"
    assert found.start == 0


def test_of_several_channels_it_is_told_which_one_had_gaps() -> None:
    damaged = noise()
    damaged[7] = np.nan
    found = treat([noise(), damaged], (ChannelInfo("x"), ChannelInfo("y")), "interpolate")
    assert found.treatment == "y: 1 of 1,000 samples interpolated (1 gap of 1)"
    np.testing.assert_array_equal(found.signal[0], noise().astype(np.float32))


def test_more_than_a_twentieth_is_not_made_up() -> None:
    values = noise()
    most = round(MOST_FILLED * values.size)
    values[:most] = np.nan
    assert np.isfinite(treat([values], ONE, "interpolate").signal).all()
    values[most] = np.nan
    with pytest.raises(DataError, match=r"51 of 1,000 samples: 0\.051 of it, and at most 0\.05 is interpolated"):
        treat([values], ONE, "interpolate")


def test_the_longest_stretch_without_gaps_in_any_channel_is_kept_and_none_are_joined() -> None:
    one, other = noise(seed=1), noise(seed=2)
    one[300] = np.nan
    other[[310, 311, 900]] = np.nan
    found = treat([one, other], (ChannelInfo("x"), ChannelInfo("y")), "drop")
    np.testing.assert_array_equal(found.signal, np.stack([one, other])[:, 312:900].astype(np.float32))
    assert found.start == 312
    assert found.treatment == (
        "samples 313 to 900 of 1,000 kept, the longest stretch without gaps (3 gaps, the longest 2)"
    )


def test_where_nothing_is_left_between_gaps_a_recording_is_refused() -> None:
    values = noise()
    values[::2] = np.nan
    with pytest.raises(DataError, match="the longest stretch without any is 1 samples"):
        treat([values], ONE, "drop")


@pytest.mark.parametrize("gaps", ["refuse", "drop", "interpolate"])
def test_where_there_are_no_gaps_nothing_is_done(gaps: Any) -> None:
    found = treat([noise()], ONE, gaps)
    np.testing.assert_array_equal(found.signal[0], noise().astype(np.float32))
    assert (found.treatment, found.gaps, found.channels) == (None, "", ONE)


def test_a_large_mean_costs_the_signal_nothing() -> None:
    signal = noise(5000)
    signal -= signal.mean()
    found = treat([signal + 1e9], ONE)
    plain = treat([signal], ONE)
    offset = found.channels[0].offset
    assert offset is not None
    assert offset == pytest.approx(1e9, rel=1e-9)
    np.testing.assert_allclose(found.signal + (offset - 1e9), plain.signal, atol=1e-6)
    assert found.treatment == f"the level of x, {1e9:.9g}, was taken away: float32 keeps 0 bits beside it"
    # The bound: beside a mean of 2 ** 10 deviations, float32 keeps 14 bits.
    deviation = signal.std()
    assert treat([signal + 900 * deviation], ONE).channels[0].offset is None
    assert treat([signal + 1200 * deviation], ONE).channels[0].offset is not None
    # What was stored as float32, or as small counts, has lost nothing by it.
    for rows in (signal.astype(np.float32) + np.float32(1e6), np.arange(30_000, 30_500, dtype=np.int16)):
        assert treat([rows], ONE).channels[0].offset is None
    for constant in (1e9, 1e9 / 3, 1e15 / 7):
        assert treat([np.full(1001, constant)], ONE).channels[0].offset is None
    assert treat([np.arange(100, dtype=np.int64) + 10**12], ONE).channels[0].offset == 10**12 + 49.5


def test_a_large_mean_is_taken_of_what_is_left_where_there_were_gaps() -> None:
    damaged = noise() + 1e9
    damaged[500:510] = np.nan
    wanted: tuple[tuple[Gaps, int], ...] = (("interpolate", 1000), ("drop", 500))
    for gaps, n in wanted:
        found = treat([damaged], ONE, gaps)
        offset = found.channels[0].offset
        assert offset is not None
        assert found.signal.shape == (1, n)
        np.testing.assert_allclose(found.signal[0, :500], noise()[:500] - (offset - 1e9), atol=1e-6)
        assert found.treatment == f"{found.gaps}; the level of x, 1e+09, was taken away: float32 keeps 0 bits beside it"


def test_counts_are_brought_to_their_unit_before_anything_else_is_done(save) -> None:
    counts = np.arange(-50, 50, dtype=np.int16)
    path = save("a.mat", {"x": counts, "gain": 0.25, "zero": 3.0})
    channel = ChannelMap(variable="x", unit="g", scale="gain", offset=1e9)
    [found] = convert_file(path, mapping=FileMapping(channels=(channel,), values=RIG))
    np.testing.assert_allclose(found.signal[0], counts * 0.25 + 0.125)
    assert found.info.channels[0].offset == 1e9 - 0.125
    channel = ChannelMap(variable="x", scale=2, offset="zero")
    [found] = convert_file(path, mapping=FileMapping(channels=(channel,), values=RIG))
    np.testing.assert_array_equal(found.signal[0], counts * 2 + 3)
    with pytest.raises(DataError, match="gone is not a variable"):
        convert_file(path, mapping=FileMapping(channels=(ChannelMap(variable="x", scale="gone"),), values=RIG))


def test_a_file_with_gaps_is_imported_where_that_is_asked_for_and_the_dataset_is_stamped(pfd_home: Path, save) -> None:
    values = noise(2000)
    values[[5, 600, 601]] = np.nan
    folder = save("N_800_1.mat", {"Data": values[:, None], "SampleFrequency": 20_000}).parent

    def run(gaps: str, **more: Any) -> Any:
        return import_mat_dataset_task.delay(
            {"source": str(folder), "name": gaps, "mapping": {"gaps": gaps}, **more}
        ).get()

    [failure] = run("refuse", dry_run=True)["failures"]
    assert "3 of 2,000 samples that are not numbers" in failure["reason"]
    result = run("drop")
    [gap] = [finding for finding in result["findings"] if finding["kind"] == "gaps"]
    assert gap["records"] == ["uestc-N_800_1"]
    treatment = "samples 603 to 2,000 of 2,000 kept, the longest stretch without gaps (2 gaps, the longest 2)"
    assert gap["text"] == f"1 of 1 recordings had samples that are not numbers: uestc-N_800_1: {treatment}"
    with pfd.reading() as session, open_dataset(find_dataset(session, "drop").path) as dataset:
        [info] = dataset.recordings
        assert (info.n_samples, info.treatment) == (1398, treatment)
        np.testing.assert_array_equal(dataset.read(0)[0], values[602:].astype(np.float32))
