from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from pfd_plugin_data import DatasetWriter, make_split
from pfd_plugin_data.generation import Generated, generate_recordings
from pfd_plugin_data.params import GenerateDatasetParams

SMALL: dict[str, Any] = {"num_signals_per_fault": 3, "duration_s": 0.2}


def made(**params: Any) -> list[Generated]:
    return list(generate_recordings(GenerateDatasetParams(**(SMALL | params))))


def fingerprint(folder: Path, **params: Any) -> str:
    with DatasetWriter(folder / "x.h5", str(params.get("name", "x"))) as writer:
        for item in made(**params):
            writer.add(item.info, item.signal, {"impact_times": item.impact_times})
    return writer.fingerprint


CHANGES: dict[str, Any] = {
    "num_signals_per_fault": 4,
    "fault_types": ("ball", "normal"),
    "bearings_per_fault": 2,
    "duration_s": 0.3,
    "sample_rate_hz": 20_000.0,
    "rpm": (900.0,),
    "snr_db": 3.0,
    "geometry": {"n_balls": 8},
    "random_seed": 1,
}


@pytest.mark.parametrize("field", sorted(set(GenerateDatasetParams.model_fields) - {"name"}))
def test_every_parameter_changes_what_is_made(tmp_path: Path, field: str) -> None:
    assert fingerprint(tmp_path, **{field: CHANGES[field]}) != fingerprint(tmp_path)


@pytest.mark.parametrize("field", ["n_balls", "ball_d_mm", "pitch_d_mm", "contact_deg"])
def test_every_number_of_the_geometry_changes_the_signal(field: str) -> None:
    changed = {"n_balls": 8, "ball_d_mm": 7.5, "pitch_d_mm": 40.0, "contact_deg": 10.0}[field]
    one, other = (made(fault_types=("ball",), geometry=geometry) for geometry in ({}, {field: changed}))
    assert (one[0].signal != other[0].signal).any() or field == "n_balls"
    outer = [made(fault_types=("outer_race",), geometry=geometry)[0].signal for geometry in ({}, {field: changed})]
    assert (outer[0] != outer[1]).any()


def test_the_same_seed_makes_the_same_content_whatever_the_name(tmp_path: Path) -> None:
    assert fingerprint(tmp_path, random_seed=7, name="a") == fingerprint(tmp_path, random_seed=7, name="b")


def test_neighbouring_seeds_share_no_recording_and_no_bearing() -> None:
    first, second = made(random_seed=42), made(random_seed=43)
    assert not {item.info.sha256 for item in first} & {item.info.sha256 for item in second}
    for one in first:
        for other in second:
            assert abs(np.corrcoef(one.signal[0], other.signal[0])[0, 1]) < 0.2


def test_leaving_a_class_out_changes_no_other() -> None:
    everything = {item.info.record_id: item.info.sha256 for item in made()}
    for item in made(fault_types=("ball", "normal")):
        assert everything[item.info.record_id] == item.info.sha256


def test_recordings_are_dealt_over_bearings_then_speeds() -> None:
    items = made(fault_types=("ball",), num_signals_per_fault=5, bearings_per_fault=2, rpm=(800, 1200))
    assert [(item.info.bearing_id[-2:], item.info.rpm) for item in items] == [
        *(("00", 800), ("01", 800), ("00", 1200), ("01", 1200), ("00", 800))
    ]
    assert len({item.info.sha256 for item in items}) == 5


def test_recordings_of_a_bearing_share_its_size_and_geometry() -> None:
    sizes: dict[str, set[float | None]] = {}
    for item in made(num_signals_per_fault=6):
        sizes.setdefault(item.info.bearing_id, set()).add(item.info.fault_size)
        assert item.info.fault_origin == "synthetic"
        assert item.info.geometry
    assert all(len(found) == 1 for found in sizes.values())


def test_a_generated_dataset_splits_by_bearing() -> None:
    split = make_split([item.info for item in made()])
    assert split.train
    assert split.validation
    assert split.test


@pytest.mark.parametrize(
    ("params", "complaint"),
    [
        ({"bearings_per_fault": 4}, "at least as many recordings"),
        ({"fault_types": ("ball", "ball")}, "names one twice"),
        ({"geometry": {"ball_d_mm": 50}}, "must be less than pitch_d_mm"),
        ({"geometry": {"n_balls": 30}}, "do not fit"),
        ({"num_signals_per_fault": 1000, "duration_s": 120, "sample_rate_hz": 200_000}, "at most 2e"),
        ({"name": "7"}, "pattern"),
        ({"name": "../x"}, "pattern"),
        ({"rpm": ()}, "at least 1"),
        ({"snr_db": float("nan")}, "finite|greater"),
        ({"fault_types": ("cage",)}, "outer_race"),
    ],
    ids=str,
)
def test_parameters_that_make_no_dataset_are_refused(params: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        GenerateDatasetParams(**(SMALL | params))
