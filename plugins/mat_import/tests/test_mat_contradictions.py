"""What users, names and tables say of a recording, where they contradict one another."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pytest

from pfd import DataError
from pfd_plugin_mat_import.conversion import convert_file
from pfd_plugin_mat_import.names import named_fault
from pfd_plugin_mat_import.params import ChannelMap, FileMapping

RIG = {"fault_type": "inner_race", "bearing_id": "7", "sample_rate_hz": 25_600}


def notes(path: Path, row: dict[str, str] | None = None, **mapping: Any) -> tuple[str, ...]:
    told = FileMapping(channels=(ChannelMap(variable="x"),), **({"values": RIG} | mapping))
    return convert_file(path, mapping=told, row=row)[0].notes


def test_what_the_user_says_in_two_ways_is_noted_where_it_differs(save) -> None:
    path = save("900rpm_IR.mat", {"x": np.arange(9.0), "hz": 15.0})
    pattern = r"(?P<rpm>\d+)rpm_(?P<fault_type>\w+)\.mat"
    words = {"IR": "inner_race", "OR": "outer_race"}
    named = {"variables": {"shaft_hz": "hz"}, "name_pattern": pattern, "words": words}
    assert notes(path, {"rpm": "900.0", "fault_type": "IR", "sample_rate_hz": "25600"}, **named) == ()
    assert notes(path, {"rpm": "1000", "fault_type": "or", "bearing_id": "07"}, **named) == (
        "rpm is 1000 by user: mapping.table, where user: mapping.name_pattern says 900",
        "fault_type is outer_race by user: mapping.table, where user: mapping.name_pattern says inner_race",
        "bearing_id is 07 by user: mapping.table, where user: mapping.values says 7",
    )


def test_the_time_from_sample_to_sample_is_a_rate_and_given_once(save) -> None:
    path = save("a.mat", {"x": np.arange(9.0), "dt": 3.90625e-05})
    rig = {name: value for name, value in RIG.items() if name != "sample_rate_hz"}
    mapping = FileMapping(channels=(ChannelMap(variable="x"),), values=rig, variables={"sample_interval_s": "dt"})
    [found] = convert_file(path, mapping=mapping)
    assert found.info.sample_rate_hz == 25_600.0
    assert found.info.origins["sample_rate_hz"] == "user: variable dt, s a sample"
    assert notes(path, {"sample_interval_s": "0.001"}) == (
        "sample_rate_hz is 1000 by user: mapping.table, where user: mapping.values says 25600",
    )
    with pytest.raises(DataError, match="sample_rate_hz and sample_interval_s are both given by user"):
        notes(path, values=RIG | {"sample_interval_s": 0.001})
    with pytest.raises(DataError, match=r"sample_interval_s is 0 by user: mapping\.table: not 1e-09 to 1"):
        notes(path, {"sample_interval_s": "0"})


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("12k_Drive_End/IR007_0.mat", None),
        ("IR007_0.mat", None),
        (
            "48k_DE_B014_2.mat",
            (
                "its path says ball 0.014 inch, 2 hp, 48000 Hz, "
                "where the CWRU table says inner_race 0.007 inch, 0 hp, 12000 Hz of X105"
            ),
        ),
        ("IR007_1.mat", "its path says 1 hp, where the CWRU table says 0 hp of X105"),
        ("105.mat", None),
    ],
)
def test_a_path_that_contradicts_the_table_of_cwru_is_noted(save, cwru, name: str, told: str | None) -> None:
    [found] = convert_file(save("x.mat", cwru(105)), name=PurePosixPath(name))
    assert found.notes == (() if told is None else (told,))
    assert found.info.fault_type == "inner_race"  # the table counts


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("InnerRaceFault_vload_1", "inner_race"),
        ("rig-OUTER-2", "outer_race"),
        ("normal", "normal"),
        ("Healthy_3", "normal"),
        ("ball_bearing_3", None),
        ("RollerBearing7", None),
        ("roller_2", "ball"),
        ("inner_ball", None),
        ("abnormal_innermost", None),
        ("IR007", None),
        ("7", None),
    ],
)
def test_a_name_tells_a_fault_by_one_whole_word(name: str, fault: str | None) -> None:
    found = named_fault(PurePosixPath(f"normal/{name}.mat"))
    assert (found and found[1]) == fault


def test_a_name_that_says_another_fault_is_noted(save) -> None:
    path = save("outer_1.mat", {"x": np.arange(9.0)})
    assert notes(path) == ("fault_type is inner_race by user: mapping.values, where the name says 'outer'",)
    assert notes(path, values=RIG | {"fault_type": "inner_race+outer_race"}) == ()
    assert notes(save("inner_1.mat", {"x": np.arange(9.0)})) == ()


def test_several_variables_of_a_pattern_are_channels_where_that_is_said(save) -> None:
    path = save("a.mat", {"acc1": np.arange(9.0), "other": 1.0, "acc2": np.stack([np.arange(9.0), np.ones(9)])})
    with pytest.raises(DataError, match=r"acc\* fits acc1, acc2; several=true takes each as a channel"):
        convert_file(path, mapping=FileMapping(channels=(ChannelMap(variable="acc*"),), values=RIG))

    def sensors(**channel: Any) -> list[str]:
        mapping = FileMapping(channels=(ChannelMap(several=True, **channel),), values=RIG)
        return [one.sensor for one in convert_file(path, mapping=mapping)[0].info.channels]

    assert sensors(variable="acc*") == ["acc1", "acc2-1", "acc2-2"]
    assert sensors(variable="acc*", channel=1) == ["acc1-1", "acc2-1"]
    with pytest.raises(DataError, match=r"gyro\* is not a variable"):
        sensors(variable="gyro*")
