"""Values that a user or a file may give, and that nobody expects."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.io import savemat

from pfd import DataError, Dispatcher
from pfd_plugin_data import ChannelInfo, RecordingInfo
from pfd_plugin_mat_import.assembly import Imported
from pfd_plugin_mat_import.conversion import convert_file
from pfd_plugin_mat_import.copies import CopyFinder
from pfd_plugin_mat_import.findings import Measured, find
from pfd_plugin_mat_import.measures import measure
from pfd_plugin_mat_import.params import FileMapping
from pfd_plugin_mat_import.treatment import treat

RIG = {"fault_type": "ball", "bearing_id": "b", "sample_rate_hz": 12_000}


def noise(seed: int = 0, *shape: int) -> Any:
    return np.random.default_rng(seed).standard_normal(shape or (3000,))


def convert(path: Path, *channels: dict[str, Any], **mapping: Any) -> tuple[Imported, ...]:
    told = {"channels": channels or [{"variable": "x"}], "values": RIG} | mapping
    return convert_file(path, mapping=FileMapping.model_validate(told))


@pytest.mark.parametrize("rpm", [1e-310, -0.001, 1e300, np.inf])
def test_one_foreign_speed_takes_no_other_file_down(pfd_home: Path, tmp_path: Path, rpm: float) -> None:
    folder = tmp_path / "rig"
    folder.mkdir()
    for number, speed in enumerate((1500.0, rpm, 1480.0)):
        savemat(folder / f"f{number}.mat", {"x": noise(number), "rpm": speed})
    mapping = {"channels": [{"variable": "x"}], "values": RIG, "variables": {"rpm": "rpm"}}
    params = {"source": str(folder), "name": "rig", "mapping": mapping}
    result: dict[str, Any] = Dispatcher().submit("import_mat_dataset_task", params).get()
    assert (result["n_recordings"], result["n_failures"]) == (2, 1)
    assert "rpm is" in result["failures"][0]["reason"]


@pytest.mark.parametrize("rpm", [1e-310, 1e-3, 1e9, 1e308])
def test_no_speed_is_too_odd_to_be_looked_for(save: Any, rpm: float) -> None:
    [made] = convert(save("a.mat", {"x": noise()}))
    object.__setattr__(made.info, "rpm", rpm)  # as in a dataset of another version
    assert measure(made.info, made.signal).speed is None


def test_what_a_file_leaves_open_is_no_name(save: Any) -> None:
    path = save("a.mat", {"x": noise(), "b": np.nan, "load": np.nan})
    with pytest.raises(DataError, match="tells bearing_id"):
        convert(path, values={"fault_type": "ball", "sample_rate_hz": 12_000}, variables={"bearing_id": "b"})
    [found] = convert(path, variables={"load": "load"})
    assert found.info.load is None


def test_the_words_of_a_user_win_and_are_read_as_they_are_written(save: Any) -> None:
    def fault(word: str, words: dict[str, str]) -> str | None:
        values = RIG | {"fault_type": word}
        return convert(save("a.mat", {"x": noise()}), values=values, words=words)[0].info.fault_type

    assert fault("ball", {"ball": "inner_race+ball"}) == "inner_race+ball"
    cased = {"n": "normal", "N": "inner_race"}
    assert [fault(word, cased) for word in ("n", "N")] == ["normal", "inner_race"]
    assert fault("Outer_Race", {}) == "outer_race"


def test_a_pattern_takes_no_variable_that_is_something_else(save: Any) -> None:
    held = {
        "x1": noise(),
        "x2": noise(1),
        "k": 2.0,
        "fs": 100.0,
        "note": "text",
        "meta": {"rpm": 1500.0, "x": noise(2)},
    }
    several = {"variable": "*", "several": True}
    [found] = convert(save("a.mat", held), several | {"scale": "k"}, variables={"rpm": "meta.rpm"})
    assert [channel.sensor for channel in found.info.channels] == ["x1", "x2"]
    [found] = convert(save("b.mat", {"a17": noise(), "rpm": 1500.0}), {"variable": "*"}, variables={"rpm": "rpm"})
    assert (found.info.rpm, len(found.info.channels)) == (1500.0, 1)


def test_a_scale_of_the_file_that_says_nothing_is_refused(save: Any) -> None:
    path = save("a.mat", {"x": noise(), "zero": 0.0, "two": np.array([1.0, 2.0])})
    with pytest.raises(DataError, match="zero is 0: as a scale"):
        convert(path, {"variable": "x", "scale": "zero"})
    with pytest.raises(DataError, match=r"two holds 2 values.* two\(1\) is the first"):
        convert(path, {"variable": "x", "scale": "two"})


def test_a_vector_in_the_place_of_a_number_is_told_how_to_be_one(save: Any) -> None:
    with pytest.raises(DataError, match=r"mean\(rpm\) is one"):
        convert(save("a.mat", {"x": noise(), "rpm": np.array([1.0, 2.0, 3.0])}), variables={"rpm": "rpm"})


def test_a_name_that_is_not_there_is_told_with_those_that_are(save: Any) -> None:
    with pytest.raises(DataError, match="acc is not a variable of the file; it has vibration, speed"):
        convert(save("a.mat", {"vibration": noise(), "speed": 5.0}), {"variable": "acc"}, variables={"rpm": "speed"})


def test_recordings_are_not_taken_for_many_channels(save: Any) -> None:
    path = save("a.mat", {"x": noise(0, 3, 64, 100)})
    with pytest.raises(DataError, match="64×100, which would be 64 channels"):
        convert(path, rows="recordings")


@pytest.mark.parametrize(
    "speed", [{"pulses_per_rev": 1e308}, {"pulses_per_rev": 1e-308}, {"sample_rate_hz": 1e-320}], ids=str
)
def test_a_number_of_a_tacho_beyond_all_machines_is_refused_at_once(speed: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"(greater|less) than or equal"):
        FileMapping.model_validate({"speed": {"variable": "s", "kind": "pulses"} | speed})


def test_a_dropout_costs_a_signal_on_a_level_nothing(save: Any) -> None:
    lifted = 1e9 + noise()
    lifted[1500] = 0.0
    [found] = convert(save("a.mat", {"x": lifted}))
    assert np.unique(found.signal).size > 2900
    assert found.info.channels[0].offset == pytest.approx(1e9, rel=1e-9)


def test_pulses_on_a_level_are_kept() -> None:
    pulses = 1e9 + (np.arange(3000) % 50 == 0)
    found = treat([pulses], (ChannelInfo("x"),))
    assert sorted(np.unique(found.signal)) == [0.0, 1.0]
    assert treat([np.full(3000, 1e9)], (ChannelInfo("x"),)).channels[0].offset is None


def test_of_a_float32_file_nothing_is_taken_with_or_without_gaps() -> None:
    row = (1e5 + noise()).astype(np.float32)
    gap = row.copy()
    gap[10] = np.nan
    [plain], [filled] = (treat([one], (ChannelInfo("x"),), "interpolate").channels for one in (row, gap))
    assert plain.offset is filled.offset is None


def test_levels_that_were_taken_from_some_are_a_finding(save: Any) -> None:
    made: list[Imported] = []
    for number, (fault, spread) in enumerate((("normal", 0.5), ("normal", 0.5), ("ball", 2.0))):
        path = save(f"f{number}.mat", {"x": 1000 + spread * noise(number)})
        made += convert(path, values=RIG | {"fault_type": fault})
    found = find([Measured(one.info, measure(one.info, one.signal), ()) for one in made])
    [offset] = [finding for finding in found if finding.kind == "offset"]
    assert "normal 2 of 2, ball 0 of 1" in offset.text


def test_a_channel_in_common_makes_no_copy_where_another_differs() -> None:
    profile = np.cumsum(noise(9, 20_000))
    finder = CopyFinder()
    for number in range(3):
        finder.add(np.stack([noise(number, 20_000), profile]).astype(np.float32))
    found = finder.find()
    assert found
    assert not any(one.binds for one in found)


def test_many_findings_of_a_kind_are_one() -> None:
    signal = np.zeros((1, 3000), np.float32)
    path_notes = [(f"the speed is {number} rpm",) for number in range(80)]
    measured = [
        Measured(info_of(number), measure(info_of(number), signal), notes) for number, notes in enumerate(path_notes)
    ]
    kinds = [finding.kind for finding in find(measured)]
    assert sorted(kinds) == ["constant", "odd"]


def info_of(number: int) -> RecordingInfo:
    unknown: dict[str, Any] = dict.fromkeys(RecordingInfo.__dataclass_fields__)
    told = {"record_id": f"r{number}", "bearing_id": "b", "fault_type": "ball", "channels": (ChannelInfo("x"),)}
    more = {"sample_rate_hz": 12_000.0, "n_samples": 3000, "sha256": "-", "source": "-", "origins": {}}
    return RecordingInfo(**unknown | told | more)
