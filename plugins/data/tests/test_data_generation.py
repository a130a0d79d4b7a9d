from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from pydantic import ValidationError

from pfd.schema import shape_of
from pfd_plugin_data import DatasetWriter, fault_orders, generation, make_split, open_dataset
from pfd_plugin_data.generation import generate_packed, generate_recordings
from pfd_plugin_data.geometries import GEOMETRIES
from pfd_plugin_data.params import GenerateDatasetParams
from pfd_plugin_data.recipes.plan import Generated
from pfd_plugin_data.recording import TRACED

SMALL: dict[str, Any] = {"num_signals_per_fault": 3, "duration_s": 0.2}


def made(**params: Any) -> list[Generated]:
    return list(generate_recordings(GenerateDatasetParams(**(SMALL | params))))


def fingerprint(folder: Path, **params: Any) -> str:
    with DatasetWriter(folder / "x.h5", str(params.get("name", "x"))) as writer:
        for item in made(**params):
            writer.add(item.info, item.signal, item.truth)
    return writer.fingerprint


ROTOR: dict[str, Any] = {"simulator": "rotor", "fault_types": ("imbalance",)}

CHANGES: dict[str, tuple[dict[str, Any], Any]] = {
    "simulator": ({"fault_types": ("normal",)}, "rotor"),
    "fault_types": ({}, ("ball", "inner_race+cage")),
    "bearings_per_fault": ({}, 2),
    "severity_levels": ({}, ("incipient",)),
    "temporal_evolution": ({}, 1.0),
    "duration_s": ({}, 0.3),
    "sample_rate_hz": ({}, 20_000.0),
    "rpm": ({}, (900.0,)),
    "speed_profile": ({"speed_variation": 0.1}, "ramp"),
    "speed_variation": ({}, 0.1),
    "snr_db": ({}, 3.0),
    "noise_layers": ({}, ("pink", "impulses")),
    "mains_hz": ({}, 60),
    "augmentation": ({}, {"gain_db": 3.0}),
    "geometry": ({}, "NICE"),
    "fault_size_in": ({}, 0.1),
    "load_zone": ({"fault_types": ("inner_race",)}, 2.0),
    "slip": ({}, 0.05),
    "slip_adds_up": ({}, False),
    "resonances": ({}, [{"hz": 3000.0}]),
    "load_range": (ROTOR, (0.3, 0.4)),
    "temp_range": (ROTOR, (40.0, 45.0)),
    "transients": (ROTOR, ("load_step",)),
    "random_seed": ({}, 1),
}
"""For each parameter what stands beside it, and another value than its usual one."""

_OF_BEARINGS = ("geometry", "fault_size_in", "load_zone", "slip", "slip_adds_up", "resonances")
OF_ONE = dict.fromkeys(_OF_BEARINGS, "rolling_element") | dict.fromkeys(
    ("load_range", "temp_range", "transients"), "rotor"
)
"""Parameters that only one simulator has, and which."""

SELECTING = ("fault_types", "severity_levels", "bearings_per_fault")
"""These choose among what there is; what is chosen both ways is the same."""

ELSEWHERE = {
    "name": "test_the_name_is_that_of_the_dataset_and_of_its_file",
    "num_signals_per_fault": "test_as_many_recordings_are_made_as_asked_for",
    "output_format": "test_a_copy_for_other_programs_is_an_artifact",
}
"""What has no effect on a signal, and the test of what it has one on."""


@pytest.mark.parametrize("field", sorted(set(GenerateDatasetParams.model_fields) - set(ELSEWHERE)))
def test_every_parameter_changes_each_signal_that_it_is_for(field: str) -> None:
    beside, value = CHANGES[field]
    usual, changed = made(**beside), made(**beside | {field: value})
    faulty = [item.info.sha256 for item in changed if item.info.fault_type != "normal"]
    everything = [item.info.sha256 for item in changed]
    before = {item.info.sha256 for item in usual}
    assert before != set(everything)
    if field not in SELECTING:
        # A healthy bearing has nothing that is of a fault.
        assert not before & set(faulty or everything)


@pytest.mark.parametrize("field", sorted(CHANGES))
def test_a_parameter_of_the_other_simulator_is_refused(field: str) -> None:
    beside, value = CHANGES[field]
    other = {"rotor": "rolling_element"}.get(beside.get("simulator", ""), "rotor")
    faults: dict[str, Any] = {"fault_types": ("normal",)}
    if field in OF_ONE:
        with pytest.raises(ValidationError, match=f"{field} belongs to simulator={OF_ONE[field]}"):
            GenerateDatasetParams(**SMALL | faults | {"simulator": other, field: value})
    elif field not in ("simulator", "fault_types"):
        GenerateDatasetParams(**SMALL | faults | {"simulator": other, field: value, "speed_variation": 0.1})


def test_as_many_recordings_are_made_as_asked_for() -> None:
    assert len(made(num_signals_per_fault=4)) == 16


@pytest.mark.parametrize("change", [{"gain_db": 6.0}, {"polarity": True}, {"noise_db": -20.0}], ids=str)
def test_every_augmentation_changes_recordings(change: dict[str, Any]) -> None:
    plain, changed = made(num_signals_per_fault=8), made(num_signals_per_fault=8, augmentation=change)
    differ = [not np.array_equal(one.signal, other.signal) for one, other in zip(plain, changed, strict=True)]
    assert np.mean(differ) > (0.3 if "polarity" in change else 0.99)
    assert len(plain) == len(changed)  # copies would leak over the parts of a split


def test_augmentation_does_what_it_says() -> None:
    plain = made(noise_layers=())
    for one, other in zip(plain, made(noise_layers=(), augmentation={"gain_db": 6.0}), strict=True):
        gain = np.std(other.signal) / np.std(one.signal)
        assert abs(20 * np.log10(gain)) <= 6.0
    for one, other in zip(plain, made(noise_layers=(), augmentation={"noise_db": -20.0}), strict=True):
        added = np.mean((other.signal - one.signal) ** 2) / np.mean(one.signal**2)
        assert 10 * np.log10(added) == pytest.approx(-20, abs=0.5)


@pytest.mark.parametrize("params", [{}, {"simulator": "rotor", "fault_types": ("oil_whirl", "wear")}], ids=str)
@pytest.mark.parametrize("processes", [2, 3])
def test_several_processes_make_the_same_content_in_the_same_order(
    params: dict[str, Any], processes: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generation, "WORTH_PROCESSES", 0)
    monkeypatch.setattr(generation, "CHUNK_SAMPLES", 5_000)
    chosen = GenerateDatasetParams(**SMALL | params)
    with DatasetWriter(tmp_path / "y.h5", "y") as writer:
        for packed in generate_packed(chosen, processes):
            writer.append(packed)
    assert writer.fingerprint == fingerprint(tmp_path, **params)


def test_all_that_a_simulator_knows_is_kept_beside_the_signal(tmp_path: Path) -> None:
    fingerprint(tmp_path, fault_types=("normal", "inner_race+ball"), speed_profile="ramp", temporal_evolution=1)
    with open_dataset(tmp_path / "x.h5") as dataset:
        dataset.verify()
        for index, info in enumerate(dataset.recordings):
            truth = dataset.truth(index)
            assert truth["impact_mask"].shape == (info.n_samples,)
            assert truth["impact_mask"].dtype == np.uint8
            assert truth["impact_times"].shape == truth["impact_faults"].shape
            assert (truth["impact_times"].size == 0) == (info.fault_type == "normal")
            assert truth["fault_orders"].size == (0 if info.fault_type == "normal" else 2)
            assert np.ptp(truth["speed_hz"]) * 60 == pytest.approx(0.2 * 1772, rel=0.01)
            assert info.rpm == pytest.approx(1772, rel=0.001)
            assert ("severity" in truth) == (info.fault_type != "normal")


@pytest.mark.parametrize(
    "params",
    [
        {"geometry": {"ball_d_mm": 7.0}},
        {"fault_size_in": 0.01, "temporal_evolution": 1},
        {"speed_profile": "ramp"},
        {"simulator": "rotor", "fault_types": ("normal", "wear"), "bearings_per_fault": 1},
    ],
    ids=str,
)
def test_of_every_value_that_is_known_it_is_said_where_it_came_from_and_of_no_other(params: dict[str, Any]) -> None:
    for item in made(**params):
        info, channel = item.info, item.info.channels[0]
        known = {name for name in TRACED if getattr(info if hasattr(info, name) else channel, name) is not None}
        assert set(info.origins) == known
        assert info.origins["rpm"] == info.rpm_source


def test_the_schema_accepts_a_designation_as_a_number_as_the_task_does() -> None:
    known = shape_of(GenerateDatasetParams).member("geometry")
    assert known is not None
    numbers = [choice for one in known.alternatives for choice in one.choices if isinstance(choice, int)]
    assert numbers == [int(name) for name in GEOMETRIES if name.isdecimal()] != []
    assert set(known.choices) == {*GEOMETRIES}
    for one in numbers:
        assert GenerateDatasetParams(**SMALL, geometry=one) == GenerateDatasetParams(**SMALL, geometry=str(one))


@pytest.mark.parametrize("name", sorted(GEOMETRIES))
def test_a_geometry_can_be_given_by_designation(name: str) -> None:
    (item,) = made(fault_types=("normal",), num_signals_per_fault=1, bearings_per_fault=1, geometry=name)
    assert item.info.geometry == {
        key: getattr(GEOMETRIES[name], key) for key in ("n_balls", "ball_d_mm", "pitch_d_mm", "contact_deg")
    }
    assert item.info.specimen == GEOMETRIES[name].specimen


PUBLISHED = {
    "6205": {"bpfi": 5.4152, "bpfo": 3.5848, "ftf": 0.39828},
    "6203/28.50": {"bpfi": 4.9469, "bpfo": 3.0530, "ftf": 0.3817},
    "ER-12K": {"bpfi": 4.9484, "bpfo": 3.0516, "ftf": 0.3815},
    "ZA-2115": {"bpfi": 296.9 / 33.33, "bpfo": 236.4 / 33.33, "ftf": 14.78 / 33.33},
    "UER204": {"bpfi": 172.09 / 35, "bpfo": 107.91 / 35, "ftf": 13.49 / 35},
}
"""Characteristic frequencies as the makers of the data sets give them (CWRU, SpectraQuest, IMS, XJTU-SY)."""


@pytest.mark.parametrize("name", sorted(PUBLISHED))
def test_geometries_give_the_frequencies_that_were_published_with_them(name: str) -> None:
    known = GEOMETRIES[name]._asdict()
    known.pop("specimen")
    orders = fault_orders(known)
    assert {key: orders[key] for key in PUBLISHED[name]} == pytest.approx(PUBLISHED[name], rel=2e-3)


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
    phases = [[_phases(item) for item in items] for items in (first, second)]
    for one in phases[0]:
        for other in phases[1]:
            assert abs(np.vdot(one, other)) / len(one) < 0.15  # 0.03 by chance, 0.08 at most of so many
    # Noise that is shared would be found, also behind other impacts.
    faint, loud = (_phases(made(fault_types=("ball",), snr_db=snr)[0]) for snr in (-10, 0))
    assert abs(np.vdot(faint, loud)) / len(loud) > 0.3


def _phases(item: Generated) -> npt.NDArray[np.complex128]:
    """The phase of each line of a recording: shared tones and the few strongest lines of pink noise count no more."""
    lines = np.fft.rfft(item.signal[0])[1:-1]
    return np.asarray(lines / np.abs(lines))


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
        ({"fault_types": ("bearing",)}, "no fault type; choose one of normal, inner_race"),
        ({"fault_types": ("ball+ball",)}, "no fault type"),
        ({"fault_types": ("jeu",)}, "simulator=rolling_element makes no looseness"),
        ({"simulator": "rotor", "fault_types": ("ball",)}, "simulator=rotor makes no ball"),
        ({"geometry": "6203"}, "since makers differ; choose one of 6203/28.50, 6203/28.55, 6203/29.05"),
        (
            {"rpm": (1000, 2000, 3000), "num_signals_per_fault": 6, "bearings_per_fault": 3},
            "no more than 2 recordings",
        ),
        ({"geometry": "6299"}, "not known; give one of 6205"),
        ({"speed_profile": "ramp", "speed_variation": 0}, "leaves the speed as it is"),
        ({"mains_hz": 60, "noise_layers": ()}, "belongs to noise_layers=mains"),
        ({"fault_size_in": 0.01, "severity_levels": ("mild",)}, "both say how wide"),
        ({"load_zone": 1.0, "fault_types": ("outer_race",)}, "fault_types has none"),
        ({"resonances": [{"hz": 7000}]}, "below half of sample_rate_hz"),
        (
            {"rpm": [30_000], "sample_rate_hz": 5000},
            "sample_rate_hz=5000 is too low: the inner_race fault line lies at 2707.6 Hz at 30000 rpm",
        ),
        (
            {"fault_types": ["ball+cage"], "rpm": [30_000], "sample_rate_hz": 5000, "speed_variation": 0.1},
            "ball fault line lies at 2592.4 Hz at 33000 rpm",
        ),
        ({"simulator": "rotor", "load_range": (1, 0.5)}, "must go up"),
        ({"simulator": "rotor", "rpm": (1000, 2000, 3000, 4000)}, "a rotor is built for one"),
        ({"noise_layers": ("pink", "pink")}, "names one twice"),
    ],
    ids=str,
)
def test_parameters_that_make_no_dataset_are_refused(params: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        GenerateDatasetParams(**(SMALL | params))
