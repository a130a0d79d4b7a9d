"""Shafts whose speed changes within a recording: their profile, and the order domain that it makes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import numpy.typing as npt
import pytest

import pfd
from pfd import DataError
from pfd_plots import draw
from pfd_plugin_data import (
    Dataset,
    DatasetWriter,
    SpeedProfile,
    common_samples_per_rev,
    count_windows,
    fault_orders,
    find_dataset,
    generate_dataset_task,
    iter_windows,
    open_dataset,
)
from pfd_plugin_data.plots import recording_figure
from pfd_plugin_data.recipes.finish import SPEED_POINTS, sampled
from pfd_plugin_data.resampling import rate_ratio
from pfd_plugin_data.simulators.speed import _exponentials, turn
from pfd_plugin_data.sources import WEIGHTS, AtAngles, Resampled, Stored, _kernel_table
from pfd_plugin_data.spectra import default_band, envelope_spectrum
from pfd_plugin_data.stretch import fault_lines, read_stretch

RATE = 12_000.0
RAMP = SpeedProfile([0.0, 4.0], [20.0, 30.0])


def ramped(turns_of: float) -> npt.NDArray[np.float32]:
    """4 s of a wave that goes round `turns_of` times a revolution of a shaft on `RAMP`."""
    times = np.arange(48_000) / RATE
    return np.sin(2 * np.pi * turns_of * (20 * times + 10 * times**2 / 8)).astype(np.float32)


def test_the_angle_of_a_ramp_is_its_parabola_and_the_moments_of_angles_are_its_inverse() -> None:
    times = np.linspace(0, 4, 1001)
    np.testing.assert_allclose(RAMP.turns(times), 20 * times + 10 * times**2 / 8, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(RAMP.times(RAMP.turns(times)), times, atol=1e-12)
    assert RAMP.mean_hz(1.0, 3.0) == pytest.approx(25.0)
    # Before and after what is known, the shaft goes on as at the end.
    np.testing.assert_allclose(RAMP.turns([-1.0, 5.0]), [-20.0, 130.0])
    np.testing.assert_allclose(RAMP.times([-20.0, 130.0]), [-1.0, 5.0])


def test_a_step_of_the_speed_is_not_overshot() -> None:
    stepped = SpeedProfile([0.0, 1.0, 1.01, 2.0], [1.0, 1.0, 100.0, 100.0])
    speed = stepped.hz(np.linspace(0, 2, 5001))
    assert speed.min() == 1.0
    assert speed.max() == 100.0
    angles = np.linspace(0, float(stepped.turns(2.0)), 5001)
    np.testing.assert_allclose(stepped.turns(stepped.times(angles)), angles, atol=1e-9)


@pytest.mark.parametrize("profile", ["ramp", "random"])
@pytest.mark.parametrize("seconds", [0.5, 8.0, 60.0])
def test_what_is_stored_of_a_speed_tells_the_angle_to_a_hundredth_of_a_turn(profile: str, seconds: float) -> None:
    for seed in range(5):
        n = round(2000 * seconds)
        shaft = turn(np.random.default_rng(seed), profile, 30.0, 0.2, n, 2000.0)
        assert shaft.turns is not None
        stored = SpeedProfile.of_even(sampled(shaft.frequency(), SPEED_POINTS), n, 2000.0)
        np.testing.assert_allclose(stored.turns(np.arange(n) / 2000), shaft.turns, atol=0.01)


@pytest.mark.parametrize(
    ("times", "hz", "complaint"),
    [
        ([0.0], [1.0], "two values or more"),
        ([0.0, 1.0], [1.0], "two values or more"),
        ([0.0, 0.0], [1.0, 1.0], "out of order"),
        ([0.0, 1.0], [1.0, -1.0], "no speed"),
        ([0.0, 1.0], [1.0, np.nan], "no speed"),
    ],
)
def test_what_is_no_course_of_a_speed_is_refused(times: list[float], hz: list[float], complaint: str) -> None:
    with pytest.raises(DataError, match=complaint):
        SpeedProfile(times, hz)


@pytest.mark.parametrize("per_rev", [100.0, 256.0])
def test_at_a_constant_speed_even_angles_are_even_times(noise, per_rev: float) -> None:
    x = noise(1, 48_000)[0]
    by_angle = AtAngles(Stored(x), RATE, SpeedProfile([0.0, 4.0], [25.0, 25.0]), per_rev)
    by_time = Resampled(Stored(x), rate_ratio(RATE, per_rev * 25))
    assert by_angle.size == by_time.size
    np.testing.assert_allclose(by_angle.read(0, by_angle.size), by_time.read(0, by_time.size), atol=2e-5)


def test_a_wave_that_turns_with_the_shaft_is_a_sine_of_the_angle() -> None:
    source = AtAngles(Stored(ramped(3.5848)), RATE, RAMP, 256)
    expected = np.sin(2 * np.pi * 3.5848 * np.arange(source.size) / 256)
    np.testing.assert_allclose(source.read(0, source.size)[200:-200], expected[200:-200], atol=1e-4)


def test_a_stretch_at_even_angles_is_that_of_the_whole(noise) -> None:
    source = AtAngles(Stored(noise(1, 48_000)[0]), RATE, RAMP, 256)
    whole = source.read(0, source.size)
    assert source.size == 1 + int(256 * float(RAMP.turns(47_999 / RATE)))
    for start, stop in ((0, 10), (777, 5000), (source.size - 50, source.size + 9)):
        np.testing.assert_allclose(source.read(start, stop), whole[start:stop], atol=1e-6)


@pytest.mark.parametrize("hz", [[0.1, 30.0], [30.0, 0.1], [5.0, 30.0, 2.0, 25.0]], ids=["start", "stop", "both"])
def test_a_shaft_that_starts_or_stops_costs_each_sample_about_its_own_kernel(noise, hz: list[float]) -> None:
    profile = SpeedProfile(np.linspace(0, 4, len(hz)), hz)
    source = AtAngles(Stored(noise(1, 48_000)[0]), RATE, profile, 256)
    first, spent = 0, 0
    while first < source.size:
        times, half = source._piece(first, source.size)
        assert times.size == 1 or times.size * 2 * half <= WEIGHTS
        spent += times.size * 2 * half
        first += times.size
    own = 2 * source._halves(source._times(0, source.size))
    assert spent < 2 * own.sum() < source.size * own.max() / 2
    whole = source.read(0, source.size)
    for sample in (0, 1, 100, 1000, source.size - 1):  # alone each has its own kernel
        np.testing.assert_allclose(source.read(sample, sample + 1), whole[sample : sample + 1], atol=1e-6)


def test_tables_that_all_readers_share_cannot_be_written_to() -> None:
    for table in (_kernel_table(), *_exponentials((0.1, 0.2), 100)):
        with pytest.raises(ValueError, match="read-only"):
            table[0] = 0


def test_nothing_folds_back_at_any_speed_of_the_ramp() -> None:
    # Order 70 lies above half of 128 samples a revolution, from the begin of the ramp to its end.
    source = AtAngles(Stored(ramped(70.0)), RATE, RAMP, 128)
    assert np.abs(source.read(200, source.size - 200)).max() < 1e-4


@pytest.fixture
def ramp(pfd_home: Path) -> Dataset:
    """Generated recordings of a bearing's damaged outer race while its shaft speeds up or slows down by half."""
    assert pfd_home
    params = {"name": "ramp", "fault_types": ["outer_race"], "num_signals_per_fault": 3, "duration_s": 4.0}
    changing = {"rpm": [1500], "speed_profile": "ramp", "speed_variation": 0.2, "snr_db": 5.0}
    generate_dataset_task.delay(params | changing).get()
    with pfd.reading() as session:
        return open_dataset(find_dataset(session, "ramp").path)


def orders_of(dataset: Dataset, record: int, per_rev: int) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """The envelope spectrum over orders."""
    size = count_windows(dataset, record, window=1, hop=1, samples_per_rev=per_rev)
    (batch,) = iter_windows(dataset, [record], window=size, hop=size, samples_per_rev=per_rev)
    return envelope_spectrum(batch.x[0].astype(np.float64), per_rev, default_band(per_rev))


def test_on_a_ramp_the_fault_stands_at_its_order_and_a_constant_speed_would_smear_it(
    ramp: Dataset, tmp_path: Path
) -> None:
    with DatasetWriter(tmp_path / "x.h5", "x") as writer:
        for index, info in enumerate(ramp.recordings):
            writer.add(replace(info, rpm_source="nominal"), ramp.read(index))  # its course forgotten
    constant = open_dataset(tmp_path / "x.h5")
    per_rev = common_samples_per_rev(ramp)
    for index, info in enumerate(ramp.recordings):
        assert info.geometry is not None
        bpfo = fault_orders(info.geometry)["bpfo"]
        orders, heights = orders_of(ramp, index, per_rev)
        near = (orders > 0.5 * bpfo) & (orders < 1.5 * bpfo)
        peak = np.argmax(np.where(near, heights, 0))
        assert orders[peak] == pytest.approx(bpfo, rel=0.01)
        others, smeared = orders_of(constant, index, per_rev)
        assert smeared[np.abs(others - bpfo) < 0.01 * bpfo].max() < 0.4 * heights[peak]


def test_a_changing_speed_whose_course_is_unknown_has_no_order_domain(ramp: Dataset, tmp_path: Path) -> None:
    with DatasetWriter(tmp_path / "x.h5", "x") as writer:
        writer.add(ramp.recordings[0], ramp.read(0))
    lost = open_dataset(tmp_path / "x.h5")
    with pytest.raises(DataError, match=r"a speed that changes \(mean of a ramp of ±20% of parameter rpm\)") as caught:
        next(iter_windows(lost, [0], window=100, hop=100, samples_per_rev=64))
    assert "{'speed_hz': …}" in str(caught.value.hint)
    with pytest.raises(DataError, match="its course is not stored"):
        common_samples_per_rev(lost)
    assert next(iter_windows(lost, [0], window=100, hop=100)).x.shape[1] == 100  # in time it can be read


def test_the_most_samples_a_revolution_are_those_of_the_fastest_moment(ramp: Dataset) -> None:
    rate = ramp.recordings[0].sample_rate_hz
    assert common_samples_per_rev(ramp) == int(rate / 30) < int(rate / 25)
    with pytest.raises(DataError, match=r"at 1799\.99 rpm .* cannot be brought to") as caught:
        next(iter_windows(ramp, [0], window=100, hop=100, samples_per_rev=int(rate / 25)))
    assert caught.value.hint == f"choose samples_per_rev of at most {int(rate / 30)}"
    batch = next(iter_windows(ramp, [0], window=100, hop=100, samples_per_rev=256))
    assert batch.sample_rate_hz == pytest.approx(256 * 25, rel=1e-3)


def test_the_lines_of_a_plot_go_by_the_speed_of_what_is_drawn(ramp: Dataset) -> None:
    begin, end = (read_stretch(ramp, 0, 0.5, start_s=start) for start in (0.0, 3.5))
    slow, fast = sorted((fault_lines(begin.info)["BPFO"], fault_lines(end.info)["BPFO"]))
    # Half a second off either end of 4 s from 0.8 to 1.2 of 25 Hz.
    assert slow == pytest.approx(0.825 * 25 * 3.5848, rel=1e-3)
    assert fast == pytest.approx(1.175 * 25 * 3.5848, rel=1e-3)
    assert "rpm on average" in draw(recording_figure(begin)).get_suptitle()


def test_a_plot_has_no_fault_lines_where_the_course_of_a_changing_speed_is_not_stored(
    ramp: Dataset, tmp_path: Path
) -> None:
    with DatasetWriter(tmp_path / "x.h5", "x") as writer:
        writer.add(ramp.recordings[0], ramp.read(0))
    stretch = read_stretch(open_dataset(tmp_path / "x.h5"), 0, 0.5)
    axes = draw(recording_figure(stretch, ("envelope",))).axes[0]
    assert len(axes.lines) == 1  # the spectrum itself
    assert [text.get_text() for text in axes.texts] == ["no fault lines: the speed changes, its course is not stored"]


def test_a_shaft_that_stands_for_a_while_and_a_course_that_does_not_fit_are_refused(
    make_info, write_dataset, noise
) -> None:
    run_up = [(make_info(rpm=750.0, n_samples=1000), noise(1, 1000))]
    stood = open_dataset(write_dataset(run_up, speed_hz=np.linspace(0, 25, 65)))
    with pytest.raises(DataError, match="a shaft that stands"):
        next(iter_windows(stood, [0], window=10, hop=10, samples_per_rev=64))
    for course in (np.ones(1001), np.ones(1), np.full(9, np.inf), np.full(9, -1.0), np.ones((2, 3))):
        with pytest.raises(DataError, match=r"recording 'r0': its speed_hz: a speed profile"):
            write_dataset(run_up, speed_hz=course)
    with pytest.raises(DataError, match="turns faster than 12000 samples a second show"):
        write_dataset(run_up, speed_hz=np.full(9, 1e308))


def test_a_course_that_no_shaft_can_have_spoils_only_its_own_recording(make_info, write_dataset, noise) -> None:
    path = write_dataset([(make_info(name), noise(1, 100)) for name in "abc"], speed_hz=np.full(9, 25.0))
    with h5py.File(path, "r+") as file:
        file["truth/000001/speed_hz"][3] = np.nan  # as earlier versions have written it
        del file["truth/000002"]
        for stray in ("2", "-1", "rough"):  # no recording's, and unknown to `verify`
            file.create_group(f"truth/{stray}")["speed_hz"] = np.full(9, 90.0)
    with open_dataset(path) as dataset:
        first = dataset.speed(0)
        assert first is not None
        assert first.fastest_hz == pytest.approx(25.0)
        with pytest.raises(DataError, match="the speed of recording 'b': a speed profile holds"):
            dataset.speed(1)
        assert dataset.speed(2) is None
