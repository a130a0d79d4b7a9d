from __future__ import annotations

import numpy as np
import pytest

from pfd import DataError
from pfd_plugin_data import (
    Dataset,
    common_samples_per_rev,
    count_windows,
    fit_znorm,
    iter_windows,
    make_split,
    open_dataset,
)
from pfd_plugin_data import windows as windows_module
from pfd_plugin_data.resampling import low_pass, rate_ratio
from pfd_plugin_data.sources import LowPassed, Resampled, Stored, resample

CLASSES = ("normal", "ball")


@pytest.fixture
def bench(make_info, write_dataset) -> Dataset:
    """Three bearings of two classes, each with its own level and loudness."""
    rng = np.random.default_rng(5)
    recordings = [
        (
            make_info(f"{fault}{n}", fault_type=fault, n_samples=1000),
            (10 * n + (n + 1) * rng.standard_normal((1, 1000))).astype(np.float32),
        )
        for fault in CLASSES
        for n in range(3)
    ]
    return open_dataset(write_dataset(recordings))


@pytest.mark.parametrize(("rate", "new_rate"), [(48_000.0, 12_000.0), (48_828.0, 12_000.0), (12_000.0, 7561.3)])
def test_a_stretch_of_a_resampled_signal_is_that_of_the_whole(noise, rate: float, new_rate: float) -> None:
    x = noise(1, 60_000)[0]
    whole = resample(x, rate, new_rate)
    source = Resampled(Stored(x), rate_ratio(rate, new_rate))
    assert source.size == whole.size
    for start, stop in ((0, whole.size), (0, 100), (777, 5000), (whole.size - 50, whole.size)):
        np.testing.assert_allclose(source.read(start, stop), whole[start:stop], atol=1e-6)


@pytest.mark.parametrize("edge", [100.0, 1000.0, 5000.0])
def test_a_stretch_of_a_low_passed_signal_is_that_of_the_whole(noise, edge: float) -> None:
    x = noise(1, 60_000)[0]
    whole = low_pass(x, 12_000, edge)
    source = LowPassed(Stored(x), 12_000, edge)
    for start, stop in ((0, 60_000), (0, 100), (25_000, 31_000), (59_950, 60_000)):
        np.testing.assert_allclose(source.read(start, stop), whole[start:stop], atol=1e-6)


def test_windows_are_the_same_in_blocks_of_any_size(make_info, write_dataset, noise, monkeypatch) -> None:
    dataset = open_dataset(write_dataset([(make_info(n_samples=50_000, sample_rate_hz=48_000.0), noise(1, 50_000))]))

    def read() -> tuple[np.ndarray, np.ndarray]:
        batches = list(iter_windows(dataset, [0], window=300, hop=170, sample_rate_hz=12_000, lowpass_hz=4000))
        return np.concatenate([batch.x for batch in batches]), np.concatenate([batch.start for batch in batches])

    x, starts = read()
    assert starts.tolist() == list(range(0, 12_500 - 300 + 1, 170))
    for block in (1, 1000, 4096):
        monkeypatch.setattr(windows_module, "BLOCK", block)
        again, others = read()
        assert (others == starts).all()
        np.testing.assert_allclose(again, x, atol=1e-6)


def test_the_number_of_windows_is_known_without_reading_them(make_info, write_dataset, noise) -> None:
    dataset = open_dataset(write_dataset([(make_info(n_samples=5000), noise(1, 5000))]))
    for conditions in ({}, {"sample_rate_hz": 5000.0}, {"samples_per_rev": 100.0}):
        counted = count_windows(dataset, 0, window=200, hop=70, **conditions)  # type: ignore[arg-type]
        batches = iter_windows(dataset, [0], window=200, hop=70, **conditions)  # type: ignore[arg-type]
        assert counted == sum(len(batch.x) for batch in batches) > 0
    assert count_windows(dataset, 0, window=5001, hop=1) == 0


def test_in_the_order_domain_a_fault_stands_in_one_place_at_every_speed(make_info, write_dataset) -> None:
    order, rate, seconds = 3.5848, 12_000.0, 4.0
    recordings = []
    for rpm in (800.0, 1200.0, 1772.0):
        times = np.arange(round(rate * seconds)) / rate
        signal = np.sin(2 * np.pi * order * rpm / 60 * times)
        recordings.append((make_info(f"r{rpm:g}", rpm=rpm, n_samples=times.size), signal[np.newaxis]))
    dataset = open_dataset(write_dataset(recordings))
    angle = np.arange(40 * 256) / 256  # revolutions
    expected = np.sin(2 * np.pi * order * angle)
    for index in range(3):
        batch = next(iter(iter_windows(dataset, [index], window=40 * 256, hop=40 * 256, samples_per_rev=256)))
        assert batch.samples_per_rev == 256
        assert batch.sample_rate_hz == pytest.approx(256 * (dataset.recordings[index].rpm or 0) / 60)
        np.testing.assert_allclose(batch.x[0, 200:-200], expected[200:-200], atol=2e-3)


def test_nothing_folds_back_into_the_order_domain(make_info, write_dataset) -> None:
    rate = 12_000.0
    signal = np.sin(2 * np.pi * 5000 * np.arange(24_000) / rate)[np.newaxis]  # order 169 at 1772 rpm
    dataset = open_dataset(write_dataset([(make_info(rpm=1772.0, n_samples=24_000), signal)]))
    (batch,) = iter_windows(dataset, [0], window=7000, hop=7000, samples_per_rev=128)  # up to order 64
    assert np.abs(batch.x[0, 200:-200]).max() < 1e-4


def test_the_most_samples_a_revolution_are_those_of_the_fastest_shaft(make_info, write_dataset, noise) -> None:
    recordings = [(make_info(f"r{rpm:g}", rpm=rpm), noise(1, 100)) for rpm in (1200.0, 1800.0)]
    dataset = open_dataset(write_dataset(recordings))
    assert common_samples_per_rev(dataset) == 400
    assert list(iter_windows(dataset, [0, 1], window=50, hop=50, samples_per_rev=400))
    with pytest.raises(DataError, match="'r1800' at 1800 rpm and 12000 Hz cannot be brought to 401") as caught:
        list(iter_windows(dataset, [0, 1], window=50, hop=50, samples_per_rev=401))
    assert caught.value.hint == "choose samples_per_rev of at most 400"


@pytest.mark.parametrize(("rpm", "complaint"), [(None, "no known speed"), (0.0, "a shaft that stands")])
def test_without_a_speed_there_is_no_order_domain(make_info, write_dataset, noise, rpm: float | None, complaint: str):
    dataset = open_dataset(write_dataset([(make_info(rpm=rpm), noise(1, 100))]))
    with pytest.raises(DataError, match=complaint):
        list(iter_windows(dataset, [0], window=10, hop=10, samples_per_rev=64))


def test_each_window_is_normalised_by_itself(bench: Dataset) -> None:
    (batch,) = iter_windows(bench, [2], window=100, hop=50, normalise="window")
    assert batch.x.dtype == np.float32
    np.testing.assert_allclose(batch.x.mean(axis=1), 0, atol=1e-6)
    np.testing.assert_allclose(batch.x.std(axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("level", [0.0, 0.1, -3e7])
def test_a_constant_window_becomes_zeros(make_info, write_dataset, level: float) -> None:
    dataset = open_dataset(write_dataset([(make_info(), np.full((1, 100), level))]))
    (batch,) = iter_windows(dataset, [0], window=50, hop=50, normalise="window")
    assert (batch.x == 0).all()


def test_a_weak_signal_on_a_large_offset_is_normalised_and_not_lost(make_info, write_dataset, noise) -> None:
    dataset = open_dataset(write_dataset([(make_info(), 1000 + 0.1 * noise(1, 100))]))
    (batch,) = iter_windows(dataset, [0], window=100, hop=1, normalise="window")
    x = noise(1, 100)[0]
    np.testing.assert_allclose(batch.x[0], (x - x.mean()) / x.std(), atol=2e-2)


def test_a_normalisation_is_fitted_on_the_training_part_and_on_nothing_else(bench: Dataset) -> None:
    split = make_split(bench.recordings)
    fitted = fit_znorm(bench, split, window=100, hop=100)
    train = np.concatenate([bench.read(i)[0] for i in split.train]).astype(np.float64)
    assert fitted.mean == pytest.approx(train.mean())
    assert fitted.scale == pytest.approx(train.std())
    assert fitted.n_windows == 10 * len(split.train)
    everything = np.concatenate([bench.read(i)[0] for i in range(6)]).astype(np.float64)
    assert abs(fitted.mean - everything.mean()) > 1
    for index in split.test:
        (batch,) = iter_windows(bench, [index], window=100, hop=100, normalise=fitted)
        expected = (bench.read(index)[0].reshape(10, 100) - train.mean()) / train.std()
        np.testing.assert_allclose(batch.x, expected, rtol=1e-5, atol=1e-5)


def test_of_a_leaky_split_only_the_windows_that_train_are_fitted_on(bench: Dataset) -> None:
    split = make_split(bench.recordings, "leaky-random")
    fitted = fit_znorm(bench, split, window=50, hop=50)
    rows = [bench.read(i)[0].reshape(20, 50)[split.parts(i, 20) == 0] for i in range(6)]
    assert fitted.n_windows == sum(map(len, rows))
    assert fitted.mean == pytest.approx(np.concatenate(rows).mean(dtype=np.float64))


def test_nothing_to_fit_on_is_refused(make_info, write_dataset, bench: Dataset) -> None:
    with pytest.raises(DataError, match="no window of 1001 samples"):
        fit_znorm(bench, make_split(bench.recordings), window=1001, hop=1)
    infos = [make_info(f"{fault}{n}", fault_type=fault) for fault in CLASSES for n in range(2)]
    silent = open_dataset(write_dataset([(info, np.ones((1, 100))) for info in infos], name="silent"))
    with pytest.raises(DataError, match="nothing to scale by"):
        fit_znorm(silent, make_split(infos), window=10, hop=10)


def test_memory_of_a_recording_can_be_given_back_and_its_arrays_stay_whole(make_info, write_dataset, noise) -> None:
    signals = [noise(2, 5000, seed=i) for i in range(3)]
    infos = [make_info(f"r{i}", n_samples=5000, sensors=("DE", "FE")) for i in range(3)]
    dataset = open_dataset(write_dataset(list(zip(infos, signals, strict=True))))
    read = [dataset.read(i) for i in range(3)]
    for index in range(3):
        dataset.release(index)
    for array, signal in zip(read, signals, strict=True):
        np.testing.assert_array_equal(array, signal)
    dataset.close()
    dataset.release(0)  # of a closed one there is nothing to give back
