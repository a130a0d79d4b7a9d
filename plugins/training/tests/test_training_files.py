"""Predictions and networks as files, and windows read from dataset files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from pfd import DataError, StoredFile
from pfd_plugin_data import (
    ChannelInfo,
    Conditioning,
    Dataset,
    DatasetWriter,
    RecordingInfo,
    common_lowpass,
    iter_windows,
    make_split,
    open_dataset,
)
from pfd_plugin_training import Predictions, read_predictions
from pfd_plugin_training.cnn1d import Cnn1dConfig, build
from pfd_plugin_training.models import NetworkModel, load_network, save_network
from pfd_plugin_training.parts import classes_of, part_of_windows
from pfd_plugin_training.predictions import write_predictions
from pfd_plugin_training.signals import open_signals, starts


@dataclass(frozen=True)
class Entry:
    """As much of an experiment as reading its predictions takes."""

    id: int
    predictions_file: StoredFile
    classes: tuple[str, ...] = ("normal", "ball")
    provenance: str = "split by bearing; no validation part"


def info(record: str, fault: str | None, **changes: Any) -> RecordingInfo:
    known: dict[str, Any] = {
        "record_id": record,
        "bearing_id": f"bearing of {record}",
        "specimen": None,
        "geometry": None,
        "fault_type": fault,
        "fault_size": None,
        "fault_origin": "synthetic",
        "severity": None,
        "condition": None,
        "rpm": 1800.0,
        "rpm_source": "test",
        "load": None,
        "channels": (ChannelInfo("FE"), ChannelInfo("DE")),
        "sample_rate_hz": 12_000.0,
        "n_samples": 3000,
        "sha256": "0" * 64,
        "source": "test",
        "licence": None,
    }
    return RecordingInfo(**(known | changes))


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    rng = np.random.default_rng(0)
    recordings = (
        info("a", "normal"),
        info("b", "ball", sample_rate_hz=48_000.0, n_samples=12_001),
        info("c", "ball", n_samples=700),
    )
    with DatasetWriter(tmp_path / "d.h5", "d") as writer:
        for recording in recordings:
            writer.add(recording, rng.standard_normal((2, recording.n_samples)).astype(np.float32))
    return open_dataset(tmp_path / "d.h5")


@pytest.mark.parametrize(("hop", "lowpass"), [(1024, None), (300, None), (1500, None), (300, 4000.0)])
def test_windows_are_those_of_the_dataset_reader_at_its_common_rate(
    dataset: Dataset, tmp_path: Path, hop: int, lowpass: float | None
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    conditioning = Conditioning.of(dataset.recordings, lowpass_hz=lowpass)
    signals = open_signals(dataset, [0, 1, 2], conditioning, window=1024, hop=hop, scratch=scratch)
    assert conditioning.channel == "DE"
    assert list(signals) == [0, 1]
    # Their rates differ: unless told otherwise, all are low-passed alike.
    edge = common_lowpass(dataset.recordings, 12_000.0) if lowpass is None else lowpass
    assert conditioning.lowpass_hz == edge == (lowpass or 4920.0)
    for batch in iter_windows(dataset, [0, 1, 2], window=1024, hop=hop, lowpass_hz=edge):
        np.testing.assert_array_equal(starts(signals, batch.record, 1024, hop), batch.start)
        found = [signals[batch.record][first : first + 1024] for first in batch.start]
        np.testing.assert_array_equal(found, batch.x)
    assert list(scratch.iterdir()) == []


def test_a_recording_that_needs_neither_another_rate_nor_a_filter_is_mapped_and_not_copied(
    dataset: Dataset, tmp_path: Path
) -> None:
    as_stored = Conditioning("DE", 12_000.0, None)
    signals = open_signals(dataset, [0], as_stored, window=1024, hop=1024, scratch=tmp_path)
    assert np.shares_memory(signals[0], dataset.read(0))


def test_a_class_that_is_tested_but_not_trained_is_refused_before_training() -> None:
    recordings = [info("a", "normal"), info("b", "ball"), info("c", "normal"), info("d", "ball")]
    split = make_split(recordings, "recording")
    usable = [index for index in range(4) if recordings[index].fault_type != "ball" or index not in split.train]
    with pytest.raises(DataError, match="the test part holds ball, which the training part does not"):
        classes_of(split, recordings, usable)


def test_a_part_whose_recordings_are_shorter_than_a_window_is_refused() -> None:
    recordings = [info("a", "normal"), info("b", "ball"), info("c", "normal"), info("d", "ball")]
    split = make_split(recordings, "recording")
    with pytest.raises(DataError, match="no recording of the test part is as long as a window"):
        classes_of(split, recordings, list(split.train))


def test_one_class_alone_cannot_be_learnt() -> None:
    recordings = [info(name, "ball") for name in "abc"]
    with pytest.raises(DataError, match="one class only"):
        classes_of(make_split(recordings, "recording"), recordings, [0, 1, 2])


def test_each_window_goes_where_its_recording_goes() -> None:
    recordings = [info(name, fault) for name, fault in zip("abcdef", ["normal", "ball"] * 3, strict=True)]
    split = make_split(recordings, "recording")
    record = np.repeat(np.arange(6), 5)
    part = part_of_windows(split, record)
    for index, name in enumerate(("train", "validation", "test")):
        assert set(record[part == index]) == set(getattr(split, name))


def test_a_leaky_split_deals_windows_of_one_recording_to_all_parts() -> None:
    recordings = [info(name, fault) for name, fault in zip("ab", ["normal", "ball"], strict=True)]
    part = part_of_windows(make_split(recordings, "leaky-random"), np.repeat([0, 1], 50))
    assert {tuple(np.unique(part[:50])), tuple(np.unique(part[50:]))} == {(0, 1, 2)}


def test_predictions_come_back_as_they_were_written(tmp_path: Path) -> None:
    given = Predictions(
        ("normal", "ball"),
        np.array([0, 4]),
        np.array([0, 2048]),
        np.array(["one", "another"]),
        np.array([1, 0]),
        np.array([[0.25, 0.75], [0.5, 0.5]], dtype=np.float32),
    )
    write_predictions(tmp_path / "p.npz", {"train": given, "test": given})
    entry: Any = Entry(1, StoredFile("predictions of experiment 1", tmp_path, "p.npz", None, ""))
    found = read_predictions(entry, "test")
    assert found.classes == given.classes
    for column in ("record", "start", "bearing_id", "y_true", "probabilities"):
        np.testing.assert_array_equal(getattr(found, column), getattr(given, column))
    with pytest.raises(DataError, match="experiment 1 has no validation part"):
        read_predictions(entry, "validation")
    (tmp_path / "p.npz").write_bytes(b"no zip")
    with pytest.raises(DataError, match="cannot be read"):
        read_predictions(entry, "test")


def test_a_loaded_network_says_what_the_saved_one_said(tmp_path: Path) -> None:
    network = build(Cnn1dConfig(3), seed=4).eval()
    save_network(tmp_path / "m.safetensors", network)
    loaded = load_network(tmp_path / "m.safetensors")
    x = torch.randn(5, 1, 512)
    assert loaded.config == network.config
    assert torch.equal(loaded(x), network(x))
    model = NetworkModel(loaded, ("normal", "ball", "cage"), 512, 12_000.0)
    assert model.predict_proba(x[:, 0].numpy()).shape == (5, 3)
    assert model.predict_proba(np.empty((0, 512))).shape == (0, 3)
    with pytest.raises(DataError, match=r"expected \(n, 512\)"):
        model.predict_proba(np.zeros((2, 100)))


def test_a_damaged_model_file_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    save_network(path, build(Cnn1dConfig(3), seed=4))
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(DataError, match="cannot be read"):
        load_network(path)
