from __future__ import annotations

import numpy as np
import pytest

from pfd import DataError
from pfd_plugin_mat_import.conversion import convert_file
from pfd_plugin_mat_import.layouts import LAYOUTS
from pfd_plugin_mat_import.layouts.cwru_table import TESTS


@pytest.mark.parametrize("options", [{}, {"do_compression": True}, {"format": "4"}], ids=["v5", "v7", "v4"])
def test_a_cwru_file_of_any_version_becomes_a_recording(save, cwru, options) -> None:
    variables = cwru(105)
    imported = convert_file(save("105.mat", variables, **options))
    info = imported.info
    assert (info.record_id, info.bearing_id, info.fault_type, info.fault_size) == (
        *("cwru-105", "cwru-DE-IR007", "inner_race", 0.007),
    )
    assert (info.rpm, info.rpm_source, info.load) == (1797.0, "file X105RPM", "0 hp")
    assert (info.sample_rate_hz, imported.rate_source) == (12_000.0, "CWRU table, X105")
    assert [channel.sensor for channel in info.channels] == ["DE", "FE", "BA"]
    assert info.geometry == {"n_balls": 9, "ball_d_mm": 7.94, "pitch_d_mm": 39.04, "contact_deg": 0.0}
    np.testing.assert_array_equal(imported.signal[0], variables["X105_DE_time"][:, 0].astype(np.float32))


def test_a_cwru_file_is_known_by_its_variables_also_when_it_is_renamed(save, cwru) -> None:
    info = convert_file(save("some name.mat", cwru(234))).info
    assert (info.record_id, info.bearing_id) == ("cwru-234", "cwru-DE-OR021")


@pytest.mark.parametrize("sensors", ["DE", "FE", "DE FE", "BA DE"])
def test_a_cwru_file_may_lack_a_channel(save, cwru, sensors: str) -> None:
    info = convert_file(save("105.mat", cwru(105, sensors=sensors))).info
    assert {channel.sensor for channel in info.channels} == set(sensors.split())


def test_the_four_loads_the_two_rates_and_the_clock_positions_of_a_fault_are_one_bearing() -> None:
    for numbers in [(105, 106, 107, 108, 109, 110), (130, 135, 144, 156, 161), (169, 172, 173, 177), (97, 98, 99, 100)]:
        assert len({TESTS[number].bearing_id for number in numbers}) == 1
    assert TESTS[105].bearing_id != TESTS[278].bearing_id  # the fan end's is another one


def test_the_twelve_kilohertz_files_of_three_faults_and_three_sizes_are_nine_bearings() -> None:
    files = (105, 118, 130, 169, 185, 197, 209, 222, 234)
    assert len({TESTS[first + load].bearing_id for first in files for load in range(4)}) == 9


def test_the_table_of_cwru_holds_all_its_files() -> None:
    assert len(TESTS) == 161
    assert len({test.number for test in TESTS.values()}) == 161
    assert {test.rate_hz for test in TESTS.values() if test.fault == "normal"} == {48_000.0}
    assert sum(test.end == "FE" for test in TESTS.values()) == 45


def test_174_holds_173(save, cwru) -> None:
    info = convert_file(save("174.mat", cwru(173, sensors="DE FE"))).info
    assert (info.record_id, info.sample_rate_hz) == ("cwru-174", 48_000.0)
    assert info.bearing_id == TESTS[169].bearing_id


@pytest.mark.parametrize(
    ("file", "first", "second", "meant"),
    [
        ("99.mat", 98, 99, "cwru-99"),
        ("normal_2.mat", 98, 99, "cwru-99"),
        ("175.mat", 217, 175, "cwru-175"),
        ("IR014_1.mat", 217, 175, "cwru-175"),
        ("217.mat", 215, 217, "cwru-217"),
        ("174.mat", 217, 173, "cwru-174"),
    ],
)
def test_of_two_recordings_in_a_file_the_one_its_name_says_is_taken(save, cwru, file, first, second, meant) -> None:
    info = convert_file(save(file, cwru(first) | cwru(second))).info
    assert info.record_id == meant


def test_of_two_recordings_in_a_file_neither_is_guessed(save, cwru) -> None:
    with pytest.raises(DataError, match="it holds X098 and X099"):
        convert_file(save("data.mat", cwru(98) | cwru(99)))


def test_a_stray_variable_is_passed_over(save, cwru) -> None:
    assert convert_file(save("277.mat", {"i": np.int16(3)} | cwru(277))).info.record_id == "cwru-277"


def test_the_028_inch_faults_are_named_otherwise_have_no_speed_and_are_no_skf(save, cwru) -> None:
    info = convert_file(save("3001.mat", cwru(56, rpm=None, sensors="DE"))).info
    assert (info.record_id, info.fault_type, info.fault_size) == ("cwru-3001", "inner_race", 0.028)
    assert (info.rpm, info.rpm_source) == (1797.0, "CWRU table, nominal at 0 hp")
    assert "NTN" in (info.specimen or "")
    assert info.geometry is None


def test_a_speed_that_does_not_fit_its_load_is_kept_with_a_note(save, cwru) -> None:
    info = convert_file(save("279.mat", cwru(279, rpm=1732))).info
    assert (info.rpm, info.rpm_source) == (1732.0, "file X279RPM; the table says 1772 at 1 hp")


def test_a_number_that_is_not_in_the_tables_is_unknown_and_not_guessed(save, cwru) -> None:
    with pytest.raises(DataError, match="X174 is not in the tables of CWRU"):
        convert_file(save("105.mat", cwru(174)))


def test_channels_of_different_length_are_refused(save, cwru) -> None:
    variables = cwru(105, sensors="DE") | cwru(105, sensors="FE", n=200)
    with pytest.raises(DataError, match="differ in length: X105_DE_time 300, X105_FE_time 200"):
        convert_file(save("105.mat", variables))


@pytest.mark.parametrize(
    ("file", "fault"),
    [
        ("baseline_1.mat", "normal"),
        ("InnerRaceFault_vload_4.mat", "inner_race"),
        ("OuterRaceFault_2.mat", "outer_race"),
        ("outerracefault_vload_7.MAT", "outer_race"),
    ],
)
def test_an_mfpt_file_tells_its_fault_by_its_name(save, mfpt, file: str, fault: str) -> None:
    imported = convert_file(save(file, mfpt()))
    info = imported.info
    assert (info.fault_type, info.bearing_id) == (fault, f"mfpt-{fault}")
    assert (info.rpm, info.rpm_source, info.load) == (1500.0, "file bearing.rate, Hz", "270 lbs")
    assert (info.sample_rate_hz, imported.rate_source) == (97_656.0, "file bearing.sr")
    assert info.n_samples == 300


def test_an_mfpt_file_may_have_no_speed_and_no_load(save, mfpt) -> None:
    info = convert_file(save("baseline_1.mat", mfpt(rate=None, load=None))).info
    assert (info.rpm, info.rpm_source, info.load) == (None, None, None)


@pytest.mark.parametrize(
    ("file", "fields", "reason"),
    [
        ("data_1.mat", {}, "names none"),
        ("InnerOuter.mat", {}, "names several"),
        ("baseline_1.mat", {"gs": None}, "no struct with the field gs"),
        ("baseline_1.mat", {"sr": None}, "no struct with the field sr"),
        ("baseline_1.mat", {"sr": "fast"}, "bearing.sr is 'fast'"),
        ("baseline_1.mat", {"sr": 0}, "not a positive number"),
        ("baseline_1.mat", {"gs": np.full((9, 1), np.nan)}, "no finite float32"),
        ("baseline_1.mat", {"gs": np.ones((9, 2))}, "not one channel"),
        ("baseline_1.mat", {"gs": "text"}, "not one channel"),
    ],
)
def test_an_mfpt_file_that_is_not_as_it_should_be_is_refused_with_the_reason(save, mfpt, file, fields, reason) -> None:
    with pytest.raises(DataError, match=reason):
        convert_file(save(file, mfpt(**fields)))


@pytest.mark.parametrize(
    ("file", "fault", "rpm"),
    [("N_800_1.mat", "normal", 800), ("b_1200_5.mat", "ball", 1200), ("O_1600_2.mat", "outer_race", 1600)],
)
def test_a_uestc_file_tells_fault_and_speed_by_its_name(save, uestc, file: str, fault: str, rpm: float) -> None:
    imported = convert_file(save(file, uestc()))
    info = imported.info
    assert (info.fault_type, info.bearing_id, info.rpm, info.rpm_source) == (fault, f"uestc-{fault}", rpm, "file name")
    assert (info.sample_rate_hz, imported.rate_source) == (20_000.0, "file SampleFrequency")


def test_a_uestc_file_with_another_name_is_refused_with_the_reason(save, uestc) -> None:
    with pytest.raises(DataError, match=r"such as B_800_5.mat .* not data.mat"):
        convert_file(save("data.mat", uestc()))


def test_a_layout_that_is_asked_for_is_the_only_one_taken(save, cwru) -> None:
    path = save("105.mat", cwru(105))
    assert convert_file(path, "cwru").info.record_id == "cwru-105"
    with pytest.raises(DataError, match="not the layout uestc"):
        convert_file(path, "uestc")


def test_a_file_of_no_layout_says_what_it_holds(save) -> None:
    with pytest.raises(DataError, match=r"none of the layouts cwru, mfpt, uestc: it holds a, b"):
        convert_file(save("x.mat", {"a": 1, "b": [1, 2]}))


def test_each_layout_goes_by_its_name() -> None:
    assert {name: layout.name for name, layout in LAYOUTS.items()} == {name: name for name in ("cwru", "mfpt", "uestc")}
