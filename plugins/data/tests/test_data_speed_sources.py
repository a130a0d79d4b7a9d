"""Which speed counts: the declared one, or the one that the signal shows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from pfd import DataError
from pfd_plugin_data import (
    RecordingInfo,
    SpeedSource,
    count_windows,
    iter_windows,
    make_split,
    open_dataset,
    speed_words,
)

RATE = 12_000.0
N = 120_000
MEASURED = {"rpm_measured": 1774.0, "rpm_uncertainty": 0.5}

Write = Callable[..., Path]


@pytest.fixture
def written(make_info: Any, write_dataset: Write) -> Path:
    """Two recordings of a shaft at 1774 rpm, said to turn at 1732; of the second one nobody has measured that."""
    t = np.arange(N) / RATE
    signal = np.sin(2 * np.pi * 3.585 * 1774 / 60 * t).astype(np.float32)[np.newaxis]
    infos: list[RecordingInfo] = [
        make_info("measured", n_samples=N, rpm=1732.0, **MEASURED),
        make_info("other", n_samples=N, rpm=1732.0),
    ]
    recordings: list[tuple[RecordingInfo, npt.NDArray[Any]]] = [(info, signal) for info in infos]
    return write_dataset(recordings)


@pytest.mark.parametrize(("source", "rpm"), [("declared", (1732.0, 1732.0)), ("measured", (1774.0, 1732.0))])
def test_the_source_says_which_speed_counts(written: Path, source: SpeedSource, rpm: tuple[float, float]) -> None:
    with open_dataset(written, speed_source=source) as dataset:
        assert tuple(info.rpm for info in dataset.recordings) == rpm
        dataset.verify()
        assert bool(speed_words(dataset.recordings)) == (source == "measured")
    with open_dataset(written) as other:
        assert dataset.fingerprint == other.fingerprint


def test_orders_go_by_the_speed_that_counts(written: Path) -> None:
    def order(source: SpeedSource) -> float:
        with open_dataset(written, speed_source=source) as dataset:
            batch = next(iter_windows(dataset, [0], window=25_600, hop=25_600, samples_per_rev=256))
            return float(np.abs(np.fft.rfft(batch.x[0])).argmax()) / 100

    assert order("measured") == 3.58
    assert order("declared") == pytest.approx(3.585 * 1774 / 1732, abs=0.01)


def test_what_is_asked_for_is_measured_or_refused(make_info: Any, write_dataset: Write) -> None:
    path = write_dataset([(make_info(), np.zeros((1, 100)))])
    with pytest.raises(DataError, match="no recording has a speed that was measured") as caught:
        open_dataset(path, speed_source="measured")
    assert "leave speed_source out" in str(caught.value.hint)


def test_a_speed_that_changes_keeps_its_course(make_info: Any, write_dataset: Write) -> None:
    info = make_info(n_samples=N, rpm=1800.0, rpm_source="mean of file speed", **MEASURED)
    path = write_dataset([(info, np.zeros((1, N)))], speed_hz=np.linspace(25, 35, 50))
    with open_dataset(path, speed_source="measured") as dataset:
        assert dataset.recordings[0].rpm == 1800.0
        assert count_windows(dataset, 0, window=64, hop=64, samples_per_rev=64) > 290


def test_splits_by_speed_go_by_the_speed_that_counts(make_info: Any, write_dataset: Write) -> None:
    said = {"a": 1500.0, "b": 1500.0, "c": 1000.0, "d": 1000.0}
    shown = {"a": 1500.0, "b": 1200.0, "c": 1000.0, "d": 1000.0}
    infos = [
        make_info(
            name, rpm=said[name], fault_type="ball", rpm_measured=shown[name], rpm_uncertainty=1.0, bearing_id=name
        )
        for name in said
    ]
    path = write_dataset([(info, np.zeros((1, 100))) for info in infos])
    with open_dataset(path, speed_source="measured") as dataset:
        split = make_split(dataset.recordings, "speed")
    assert split.test == (0,)
