from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pfd import DataError
from pfd_plugin_data import SpeedProfile
from pfd_plugin_mat_import.conversion import convert_file
from pfd_plugin_mat_import.params import ChannelMap, FileMapping, SpeedMap
from pfd_plugin_mat_import.speed import MAX_POINTS, SpeedRecord

RATE, SECONDS = 20_000.0, 5.0
N = int(RATE * SECONDS)
T = np.arange(N) / RATE
RIG = {"fault_type": "normal", "bearing_id": "b", "sample_rate_hz": RATE}


def ramp(times: Any) -> Any:
    """A shaft that goes from 10 to 30 Hz."""
    return 10 + 20 * times / SECONDS


def turned(times: Any) -> Any:
    return 10 * times + 10 * times**2 / SECONDS


def tacho(pulses_per_rev: float, *, duty: float = 0.2, noise: float = 0.0, turns: Any = None) -> Any:
    phase = ((turned(T) if turns is None else turns) * pulses_per_rev + 0.4) % 1
    return (phase < duty) * 5.0 + noise * np.random.default_rng(0).standard_normal(N)


def off(record: SpeedRecord, course: Any = ramp, *, start: int = 0, n: int = N) -> float:
    """How far the speed that a record tells is off, at most, as a share."""
    hz = record.rotation(N, RATE).hz(start, n, RATE)
    profile = SpeedProfile.of_even(hz, n, RATE)
    at = np.linspace(0, profile.seconds, 1000)
    return float(np.abs(profile.hz(at) / course(at + start / RATE) - 1).max())


@pytest.mark.parametrize(("kind", "unit"), [("hz", 1.0), ("rpm", 60.0), ("rad_s", 2 * np.pi)])
def test_a_speed_channel_gives_the_course_without_its_noise(kind: Any, unit: float) -> None:
    slow = np.arange(int(4000 * SECONDS)) / 4000
    noise = 0.5 * np.random.default_rng(0).standard_normal(slow.size)
    record = SpeedRecord((ramp(slow) + noise) * unit, kind, "speed", 1.0, 4000.0)
    assert off(record) < 0.02
    assert off(SpeedRecord(ramp(slow) * unit, kind, "speed", 1.0, 4000.0)) < 1e-3
    assert record.course(0, N, N, RATE).rpm == pytest.approx(1200, rel=1e-3)


@pytest.mark.parametrize(
    ("per_rev", "options", "most"),
    [
        (1, {}, 0.025),
        (1, {"duty": 0.002}, 0.025),
        (1, {"duty": 0.98}, 0.025),
        (60, {"noise": 0.3}, 0.01),
        (2.5, {}, 0.01),
        (150, {"duty": 0.5}, 0.01),
    ],
)
def test_the_pulses_of_a_tacho_or_an_encoder_give_the_course(per_rev: float, options: Any, most: float) -> None:
    assert off(SpeedRecord(tacho(per_rev, **options), "pulses", "tacho", per_rev)) < most


def test_pulses_of_one_sample_are_seen() -> None:
    rotation = SpeedRecord((np.arange(N) % 4000 == 100) * 5.0, "pulses", "tacho").rotation(N, RATE)
    np.testing.assert_allclose(rotation.hz(0, N, RATE), 5.0)


def test_the_moments_of_pulses_give_the_course_and_no_more_points_than_revolutions() -> None:
    marks = np.interp(np.arange(0.3, turned(SECONDS), 0.25), turned(T), T)
    record = SpeedRecord(marks, "pulse_times", "tach", 4.0)
    assert off(record) < 0.01
    assert record.rotation(N, RATE).hz(0, N, RATE).size == int(turned(SECONDS) - 0.3)


def test_a_few_pulses_that_were_missed_or_came_twice_are_made_good_and_told() -> None:
    marks = np.interp(np.arange(0.3, turned(SECONDS), 0.125), turned(T), T)
    odd = np.sort(np.append(np.delete(marks, [200, 400, 401]), marks[600] + 1e-4))
    rotation = SpeedRecord(odd, "pulse_times", "tach", 8.0).rotation(N, RATE)
    assert rotation.notes == (f"tach: 3 pulses were missed and 1 came twice, of {odd.size:,}, which was made good",)
    assert off(SpeedRecord(odd, "pulse_times", "tach", 8.0)) < 0.01
    at_the_ends = np.delete(marks, [1, -2])
    assert SpeedRecord(at_the_ends, "pulse_times", "tach", 8.0).rotation(N, RATE).notes
    assert off(SpeedRecord(at_the_ends, "pulse_times", "tach", 8.0)) < 0.01
    with pytest.raises(DataError, match="its pulses are uneven"):
        SpeedRecord(np.delete(marks, slice(50, None, 40)), "pulse_times", "tach", 8.0).rotation(N, RATE)


def test_a_shaft_that_runs_up_from_rest_has_no_pulse_too_few() -> None:
    marks = np.sqrt(np.arange(1.0, 101.0)) / 2  # θ = 4 t²
    rotation = SpeedRecord(marks, "pulse_times", "tach").rotation(N, RATE)
    assert rotation.notes == ()
    hz = rotation.hz(0, N, RATE)
    assert hz[[50, -1]] == pytest.approx(8 * np.linspace(0, SECONDS, hz.size)[[50, -1]], rel=0.01)


@pytest.mark.parametrize(
    ("values", "kind", "reason"),
    [
        (np.full(N, 2.5), "pulses", "has no pulses: it stays at 2.5"),
        (np.random.default_rng(0).standard_normal(N), "pulses", "its pulses are uneven"),
        (np.tile([0.0, 1.0], N // 2), "pulses", "rises every 2 samples"),
        (tacho(1)[: N // 2], "pulses", "lasts 2.5 s at 20000 Hz, and the recording 5 s"),
        (tacho(1) * (T < 2), "pulses", "has pulses from .* of a recording of 5 s"),
        (tacho(1) * (T > 3), "pulses", r"has pulses from 3\.\d+ to"),
        (tacho(1) * (T < 0.25), "pulses", "has 3 pulses, and 4 tell a speed"),
        (np.arange(0, 100, 0.5), "pulse_times", "to 99.5 s of a recording of 5 s"),
        (np.array([0.1, 0.3, 0.2, 0.4, 0.5]), "pulse_times", "do not rise, at number 3"),
        (np.array([1500.0]), "rpm", "lasts 5e-05 s"),
        (np.full(40_000, 20.0), "hz", "mapping.speed.sample_rate_hz says its rate"),
    ],
)
def test_what_tells_no_speed_is_refused_with_the_reason(values: Any, kind: Any, reason: str) -> None:
    with pytest.raises(DataError, match=reason):
        SpeedRecord(values, kind, "tacho").rotation(N, RATE)


def test_a_shaft_that_stands_or_turns_backwards_has_a_speed_too() -> None:
    assert SpeedRecord(np.zeros(N), "rpm", "s").rotation(N, RATE).hz(0, N, RATE).max() == 0
    assert off(SpeedRecord(-ramp(T), "hz", "s")) < 1e-3


def test_a_course_has_as_many_points_as_its_record_and_at_most_a_bound() -> None:
    assert SpeedRecord(np.full(11, 20.0), "hz", "s", 1.0, 2.0).rotation(N, RATE).hz(0, N, RATE).size == 11
    assert SpeedRecord(ramp(T), "hz", "s").rotation(N, RATE).hz(0, N, RATE).size == 251
    n = 1_000_000
    assert SpeedRecord(np.full(n, 20.0), "hz", "s").rotation(n, 1000.0).hz(0, n, 1000.0).size == MAX_POINTS


def test_the_course_of_a_file_is_kept_and_its_mean_is_the_speed(save) -> None:
    path = save("a.mat", {"x": np.sin(T), "tacho": tacho(2)})
    speed = SpeedMap(variable="tacho", kind="pulses", pulses_per_rev=2)
    [found] = convert_file(path, mapping=FileMapping(channels=(ChannelMap(variable="x"),), speed=speed, values=RIG))
    assert found.info.rpm == pytest.approx(1200, rel=1e-3)
    assert found.info.rpm_source == found.info.origins["rpm"] == "mean of user: variable tacho"
    assert found.info.speed_changes
    assert found.speed_hz is not None
    np.testing.assert_allclose(found.speed_hz[[0, -1]], [10, 30], rtol=0.01)
    assert [one.sensor for one in found.info.channels] == ["x"]


def test_the_channel_of_the_speed_is_none_of_several_that_a_pattern_fits(save) -> None:
    path = save("a.mat", {"c1": np.sin(T), "c2": ramp(T), "c3": np.cos(T)})
    several = ChannelMap(variable="c*", several=True)
    mapping: dict[str, Any] = {"speed": SpeedMap(variable="c2", kind="hz"), "values": RIG}
    [found] = convert_file(path, mapping=FileMapping(channels=(several,), **mapping))
    assert [one.sensor for one in found.info.channels] == ["c1", "c3"]
    [found] = convert_file(path, mapping=FileMapping(channels=(several, ChannelMap(variable="c2")), **mapping))
    assert [one.sensor for one in found.info.channels] == ["c1", "c3", "c2"]


def test_the_course_is_cut_with_the_samples(save) -> None:
    x = np.sin(T)
    x[20_000] = np.nan
    path = save("a.mat", {"x": x, "speed": ramp(T)})
    mapping = FileMapping(
        channels=(ChannelMap(variable="x"),), speed=SpeedMap(variable="speed", kind="hz"), values=RIG, gaps="drop"
    )
    [found] = convert_file(path, mapping=mapping)
    assert found.info.n_samples == N - 20_001
    assert found.speed_hz is not None
    np.testing.assert_allclose(found.speed_hz[[0, -1]], [14, 30], rtol=1e-3)


def test_a_measured_speed_that_contradicts_the_file_is_noted(save, cwru) -> None:
    n = 12_000
    path = save("105.mat", cwru(105, n=n) | {"speed": np.full(n, 1700.0)})
    [found] = convert_file(path, mapping=FileMapping(speed=SpeedMap(variable="speed", kind="rpm")))
    assert found.info.rpm == pytest.approx(1700)
    assert "rpm is 1700 by mean of user: variable speed, where file X105RPM says 1797" in found.notes
    path = save("105.mat", cwru(105, n=n) | {"speed": np.full(n, 1790.0)})
    assert convert_file(path, mapping=FileMapping(speed=SpeedMap(variable="speed", kind="rpm")))[0].notes == ()


def test_a_speed_in_a_row_of_the_table_beside_a_measured_one_is_refused(save) -> None:
    path = save("a.mat", {"x": np.sin(T), "speed": ramp(T)})
    mapping = FileMapping(channels=(ChannelMap(variable="x"),), speed=SpeedMap(variable="speed", kind="hz"), values=RIG)
    with pytest.raises(DataError, match=r"mapping\.speed gives the speed, and so does rpm of mapping\.table"):
        convert_file(path, mapping=mapping, row={"rpm": "1500"})


def test_a_speed_that_holds_no_numbers_is_refused(save) -> None:
    broken = ramp(T)
    broken[7] = np.nan
    path = save("a.mat", {"x": np.sin(T), "speed": broken, "text": "fast"})
    for variable, reason in (("speed", "1 of its 100,000 values are not numbers"), ("text", "not a vector of numbers")):
        mapping = FileMapping(
            channels=(ChannelMap(variable="x"),), speed=SpeedMap(variable=variable, kind="hz"), values=RIG
        )
        with pytest.raises(DataError, match=reason):
            convert_file(path, mapping=mapping)


def test_the_rate_of_the_speed_may_lie_in_the_file_and_is_not_passed_over_where_it_is_none(save) -> None:
    path = save("a.mat", {"x": np.sin(T), "speed": ramp(T), "zero": 0.0, "t": T})

    def rpm(rate: str) -> float | None:
        speed = SpeedMap(variable="speed", kind="hz", sample_rate_hz=rate)
        mapping = FileMapping(channels=(ChannelMap(variable="x"),), speed=speed, values=RIG)
        return convert_file(path, mapping=mapping)[0].info.rpm

    assert rpm("rate(t)") == pytest.approx(1200, rel=1e-3)
    with pytest.raises(DataError, match=r"sample_rate_hz is 0 by zero: not 0\.001 to 1e"):
        rpm("zero")
