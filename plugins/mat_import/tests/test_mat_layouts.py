from __future__ import annotations

from pathlib import PurePosixPath

import numpy as np
import pytest

from pfd import DataError
from pfd_plugin_mat_import.conversion import convert_file
from pfd_plugin_mat_import.layouts import LAYOUTS
from pfd_plugin_mat_import.layouts.cwru_table import TESTS
from pfd_plugin_mat_import.params import FileMapping


@pytest.mark.parametrize("options", [{}, {"do_compression": True}, {"format": "4"}], ids=["v5", "v7", "v4"])
def test_a_cwru_file_of_any_version_becomes_a_recording(save, cwru, options) -> None:
    variables = cwru(105)
    [imported] = convert_file(save("105.mat", variables, **options))
    info = imported.info
    assert (info.record_id, info.bearing_id, info.fault_type, info.fault_size) == (
        *("cwru-105", "cwru-DE-IR007", "inner_race", 0.007),
    )
    assert (info.rpm, info.rpm_source, info.load) == (1797.0, "file X105RPM", "0 hp")
    assert (info.sample_rate_hz, imported.info.origins["sample_rate_hz"]) == (12_000.0, "CWRU table, X105")
    assert [channel.sensor for channel in info.channels] == ["DE", "FE", "BA"]
    assert info.geometry == {"n_balls": 9, "ball_d_mm": 7.94, "pitch_d_mm": 39.04, "contact_deg": 0.0}
    np.testing.assert_array_equal(imported.signal[0], variables["X105_DE_time"][:, 0].astype(np.float32))


def test_a_cwru_file_is_known_by_its_variables_also_when_it_is_renamed(save, cwru) -> None:
    info = convert_file(save("some name.mat", cwru(234)))[0].info
    assert (info.record_id, info.bearing_id) == ("cwru-234", "cwru-DE-OR021")


@pytest.mark.parametrize("sensors", ["DE", "FE", "DE FE", "BA DE"])
def test_a_cwru_file_may_lack_a_channel(save, cwru, sensors: str) -> None:
    info = convert_file(save("105.mat", cwru(105, sensors=sensors)))[0].info
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
    info = convert_file(save("174.mat", cwru(173, sensors="DE FE")))[0].info
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
    info = convert_file(save(file, cwru(first) | cwru(second)))[0].info
    assert info.record_id == meant


@pytest.mark.parametrize(("first", "second", "meant"), [(98, 99, "99"), (217, 175, "175"), (215, 217, "217")])
def test_the_files_that_the_site_itself_made_of_two_recordings_are_known_also_when_renamed(
    save, cwru, first, second, meant
) -> None:
    assert convert_file(save("data.mat", cwru(first) | cwru(second)))[0].info.record_id == f"cwru-{meant}"


def test_of_two_other_recordings_in_a_file_neither_is_guessed(save, cwru) -> None:
    with pytest.raises(DataError, match="it holds X105 and X106"):
        convert_file(save("data.mat", cwru(105) | cwru(106)))


def test_a_stray_variable_is_passed_over(save, cwru) -> None:
    assert convert_file(save("277.mat", {"i": np.int16(3)} | cwru(277)))[0].info.record_id == "cwru-277"


def test_the_028_inch_faults_are_named_otherwise_have_no_speed_and_are_no_skf(save, cwru) -> None:
    info = convert_file(save("3001.mat", cwru(56, rpm=None, sensors="DE")))[0].info
    assert (info.record_id, info.fault_type, info.fault_size) == ("cwru-3001", "inner_race", 0.028)
    assert (info.rpm, info.rpm_source) == (1797.0, "CWRU table, nominal at 0 hp")
    assert "NTN" in (info.specimen or "")
    assert info.geometry is None


def test_a_speed_that_does_not_fit_its_load_is_kept_with_a_note(save, cwru) -> None:
    [imported] = convert_file(save("279.mat", cwru(279, rpm=1732)))
    info = imported.info
    assert (info.rpm, info.rpm_source) == (1732.0, "file X279RPM")
    assert imported.notes == ("file X279RPM says 1732 rpm, the table 1772 at 1 hp",)


def test_a_number_that_is_not_in_the_tables_is_unknown_and_not_guessed(save, cwru) -> None:
    with pytest.raises(
        DataError, match="neither the file nor its name tells fault_type and bearing_id and sample_rate_hz"
    ):
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
    [imported] = convert_file(save(file, mfpt()))
    info = imported.info
    assert (info.fault_type, info.bearing_id) == (fault, f"mfpt-{fault}")
    assert (info.rpm, info.rpm_source, info.load) == (1500.0, "file bearing.rate, Hz", "270 lbs")
    assert (info.sample_rate_hz, imported.info.origins["sample_rate_hz"]) == (97_656.0, "file bearing.sr")
    assert info.n_samples == 300


def test_an_mfpt_file_may_have_no_speed_and_no_load(save, mfpt) -> None:
    info = convert_file(save("baseline_1.mat", mfpt(rate=None, load=None)))[0].info
    assert (info.rpm, info.rpm_source, info.load) == (None, None, None)


@pytest.mark.parametrize(
    ("file", "fields", "reason"),
    [
        ("data_1.mat", {}, "neither the file nor its name tells fault_type and bearing_id"),
        ("InnerOuter.mat", {}, "names several"),
        ("baseline_1.mat", {"gs": None}, "not a struct with the field gs"),
        ("baseline_1.mat", {"sr": None}, "not a struct with the field sr"),
        ("baseline_1.mat", {"sr": "fast"}, "bearing.sr is 'fast'"),
        ("baseline_1.mat", {"sr": 0}, "not a positive number"),
        ("baseline_1.mat", {"gs": np.full((9, 1), np.nan)}, "9 of 9 samples that are not numbers"),
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
    [imported] = convert_file(save(file, uestc()))
    info = imported.info
    assert (info.fault_type, info.bearing_id, info.rpm, info.rpm_source) == (fault, f"uestc-{fault}", rpm, "file name")
    assert (info.sample_rate_hz, imported.info.origins["sample_rate_hz"]) == (20_000.0, "file SampleFrequency")


def test_a_uestc_file_with_another_name_is_refused_with_the_reason(save, uestc) -> None:
    with pytest.raises(DataError, match="neither the file nor its name tells fault_type and bearing_id"):
        convert_file(save("data.mat", uestc()))


def test_a_layout_that_is_asked_for_is_the_only_one_taken(save, cwru) -> None:
    path = save("105.mat", cwru(105))
    assert convert_file(path, "cwru")[0].info.record_id == "cwru-105"
    with pytest.raises(DataError, match="not the layout uestc: it holds X105_DE_time"):
        convert_file(path, "uestc")


def test_a_file_of_no_layout_says_what_it_holds(save) -> None:
    with pytest.raises(DataError, match=r"cwru, mfpt, uestc: it holds a \(1×1 int64\), b \(1×2 int64\); mapping"):
        convert_file(save("x.mat", {"a": 1, "b": [1, 2]}))


def test_each_layout_goes_by_its_name() -> None:
    assert {name: layout.name for name, layout in LAYOUTS.items()} == {name: name for name in ("cwru", "mfpt", "uestc")}


@pytest.mark.parametrize(
    ("name", "bearing", "rate", "size", "load", "condition"),
    [
        ("12k_Drive_End_IR007_1.mat", "cwru-DE-IR007", 12_000, 0.007, "1 hp", None),
        ("48k DE/OR021@6_2_x.mat", "cwru-DE-OR021", 48_000, 0.021, "2 hp", "fault at 6 o'clock"),
        ("12k Fan End Bearing Fault Data/B014_3.mat", "cwru-FE-B014", 12_000, 0.014, "3 hp", None),
        ("48k/Normal_0.mat", "cwru-normal", 48_000, 0.0, "0 hp", None),
    ],
)
def test_a_number_that_is_not_in_the_tables_is_known_by_the_words_of_its_path(
    save, cwru, name, bearing, rate, size, load, condition
) -> None:
    [found] = convert_file(save("x.mat", cwru(901, rpm=1760)), name=PurePosixPath(name))
    info = found.info
    assert (info.record_id, info.bearing_id, info.sample_rate_hz) == ("cwru-X901", bearing, rate)
    assert (info.fault_size, info.load, info.condition, info.rpm) == (size, load, condition, 1760.0)
    assert found.info.origins["bearing_id"] == found.info.origins["sample_rate_hz"] == "file path"
    assert "X901 is not in the tables of CWRU: only what its path says is known" in found.notes


@pytest.mark.parametrize(
    ("name", "missing"),
    [
        ("IR007_1.mat", "bearing_id and sample_rate_hz"),
        ("12k_IR007_1.mat", "bearing_id"),
        ("DE_IR007_1.mat", "sample_rate_hz"),
        ("12k/48k/DE_IR007_1.mat", "sample_rate_hz"),
        ("12k_DE/FE_IR007_1.mat", "bearing_id"),
        ("12k_DE_007.mat", "fault_type and bearing_id and sample_rate_hz"),
    ],
)
def test_what_a_path_does_not_tell_of_an_unknown_number_is_not_guessed(save, cwru, name: str, missing: str) -> None:
    with pytest.raises(DataError, match=f"tells {missing};"):
        convert_file(save("x.mat", cwru(901)), name=PurePosixPath(name))


def test_what_a_path_does_not_tell_of_an_unknown_number_the_user_can(save, cwru) -> None:
    mapping = FileMapping(values={"sample_rate_hz": 12_000, "bearing_id": "mine"})
    info = convert_file(save("x.mat", cwru(901)), mapping=mapping, name=PurePosixPath("IR007_1.mat"))[0].info
    assert (info.fault_type, info.bearing_id, info.sample_rate_hz) == ("inner_race", "mine", 12_000)


@pytest.mark.parametrize(
    ("variable", "expected"),
    [
        (97, ("cwru-97", "cwru-normal", "normal", 0.0, 48_000, "0 hp", "SKF 6205-2RS JEM")),
        (100, ("cwru-100", "cwru-normal", "normal", 0.0, 48_000, "3 hp", "SKF 6205-2RS JEM")),
        (160, ("cwru-160", "cwru-DE-OR007", "outer_race", 0.007, 12_000, "3 hp", "SKF 6205-2RS JEM")),
        (217, ("cwru-217", "cwru-DE-IR021", "inner_race", 0.021, 48_000, "3 hp", "SKF 6205-2RS JEM")),
        (262, ("cwru-262", "cwru-DE-OR021", "outer_race", 0.021, 48_000, "0 hp", "SKF 6205-2RS JEM")),
        (48, ("cwru-3005", "cwru-DE-B028", "ball", 0.028, 12_000, "0 hp", "NTN equivalent of the SKF 6205-2RS JEM")),
        (
            59,
            (
                "cwru-3004",
                "cwru-DE-IR028",
                "inner_race",
                0.028,
                12_000,
                "3 hp",
                "NTN equivalent of the SKF 6205-2RS JEM",
            ),
        ),
        (281, ("cwru-281", "cwru-FE-IR007", "inner_race", 0.007, 12_000, "3 hp", "SKF 6203-2RS JEM")),
        (309, ("cwru-309", "cwru-FE-OR014", "outer_race", 0.014, 12_000, "1 hp", "SKF 6203-2RS JEM")),
        (310, ("cwru-310", "cwru-FE-OR014", "outer_race", 0.014, 12_000, "0 hp", "SKF 6203-2RS JEM")),
        (318, ("cwru-318", "cwru-FE-OR021", "outer_race", 0.021, 12_000, "3 hp", "SKF 6203-2RS JEM")),
    ],
)
def test_the_table_says_what_the_site_says(save, cwru, variable: int, expected) -> None:
    info = convert_file(save("any.mat", cwru(variable)))[0].info
    found = (info.record_id, info.bearing_id, info.fault_type, info.fault_size, info.sample_rate_hz, info.load)
    assert (*found, info.specimen) == expected


def test_the_fan_end_has_its_own_geometry(save, cwru) -> None:
    geometry = {"n_balls": 8, "ball_d_mm": 6.746, "pitch_d_mm": 28.499, "contact_deg": 0.0}
    assert convert_file(save("any.mat", cwru(278)))[0].info.geometry == geometry


def test_the_folder_of_an_mfpt_file_tells_its_fault_where_its_name_does_not(save, mfpt) -> None:
    [found] = convert_file(save("x.mat", mfpt()), name=PurePosixPath("2 - Three Outer Race Fault Conditions/7.mat"))
    assert (found.info.fault_type, found.info.origins["fault_type"]) == ("outer_race", "folder name")
    [named] = convert_file(save("x.mat", mfpt()), name=PurePosixPath("outer race/baseline_1.mat"))
    assert (named.info.fault_type, named.info.origins["fault_type"]) == ("normal", "file name")


@pytest.mark.parametrize(("rate", "bpfo", "known"), [(25, 81.125, True), (25, 60.0, False), (30, 97.35, False)])
def test_only_a_recording_of_the_mfpt_rig_gets_the_bearing_of_the_rig(save, mfpt, rate, bpfo, known) -> None:
    info = convert_file(save("baseline_1.mat", mfpt(rate=rate) | {"BPFO": bpfo}))[0].info
    assert (info.geometry is not None) == (info.specimen == "NICE") == known
