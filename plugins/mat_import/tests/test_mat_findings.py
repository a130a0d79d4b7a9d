from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from pfd_plugin_data import ChannelInfo, RecordingInfo, fault_line
from pfd_plugin_mat_import.bearings import unite
from pfd_plugin_mat_import.copies import CopyFinder, Shared
from pfd_plugin_mat_import.findings import Measured, find
from pfd_plugin_mat_import.lines import FALSE_ALARM
from pfd_plugin_mat_import.measures import measure
from pfd_plugin_mat_import.params import Finding

SKF_6205 = {"n_balls": 9, "ball_d_mm": 7.94, "pitch_d_mm": 39.04, "contact_deg": 0.0}
RATE = 12_000.0
N = 60_000
RPM = 1772.0


def info(**changed: Any) -> RecordingInfo:
    columns: dict[str, Any] = dict.fromkeys(RecordingInfo.__dataclass_fields__) | {
        "origins": {},
        "record_id": "r",
        "bearing_id": "b",
        "geometry": SKF_6205,
        "fault_type": "inner_race",
        "rpm": RPM,
        "channels": (ChannelInfo("DE"),),
        "sample_rate_hz": RATE,
        "n_samples": N,
        "sha256": "-",
        "source": "-",
    }
    return RecordingInfo(**columns | changed)


def noise(seed: int, n: int = N) -> npt.NDArray[np.float32]:
    return np.random.default_rng(seed).standard_normal(n).astype(np.float32)


def impacts(order: float, seed: int = 0, slip: float = 0.0) -> npt.NDArray[np.float32]:
    """A resonance at 3 kHz, struck `order` times a turn, in noise; `slip` is how much slower than computed."""
    rng = np.random.default_rng(seed)
    period = RATE / (order * RPM / 60 * (1 - slip))
    signal = np.zeros(N)
    for at in np.arange(0, N - 1, period):
        signal[int(at + rng.normal(0, 0.01 * period)) % N] = 1
    t = np.arange(200) / RATE
    struck = np.convolve(signal, np.exp(-900 * t) * np.sin(2 * math.pi * 3000 * t))[:N]
    return (5 * struck + noise(seed)).astype(np.float32)


def measured(signal: npt.NDArray[np.float32], **changed: Any) -> Measured:
    rows = np.atleast_2d(signal)
    sensors = tuple(ChannelInfo(f"S{index}") for index in range(len(rows)))
    columns = info(**{"channels": sensors, "n_samples": rows.shape[1]} | changed)
    return Measured(columns, measure(columns, rows), ())


def kinds(*recordings: Measured) -> list[str]:
    return [finding.kind for finding in find(recordings)]


def only(kind: str, *recordings: Measured) -> Finding:
    [found] = [finding for finding in find(recordings) if finding.kind == kind]
    return found


def test_unlabelled_recordings_are_a_finding_and_no_class_of_their_own() -> None:
    fast = measured(noise(2), fault_type=None, sample_rate_hz=48_000.0, record_id="x")
    assert fast.measures.fault_line is None
    assert "rate_by_class" not in kinds(fast, measured(noise(1)))
    found = only("unlabelled", fast, measured(noise(1)))
    assert found.records == ["x"]
    assert found.text.startswith("nobody tells the fault of 1 of 2 recordings")
    assert "unlabelled" not in kinds(measured(noise(1)))


@pytest.mark.parametrize("fault", ["inner_race", "outer_race", "ball"])
@pytest.mark.parametrize("slip", [0.0, 0.02])
def test_the_line_of_a_fault_is_found_where_the_geometry_says(fault: str, slip: float) -> None:
    order = fault_line(fault, SKF_6205)
    assert order is not None
    line = measured(impacts(order, slip=slip), fault_type=fault).measures.fault_line
    assert line is not None
    assert line.present
    assert line.found_hz == pytest.approx(order * RPM / 60 * (1 - slip), rel=0.004)


def test_a_line_that_is_off_by_more_than_three_per_cent_is_none() -> None:
    recording = measured(impacts(5.4152, slip=0.06))
    assert recording.measures.fault_line is not None
    assert not recording.measures.fault_line.present
    found = only("fault_line_absent", recording)
    assert found.records == ["r"]
    assert "within 3%" in found.text


def test_noise_shows_a_line_as_rarely_as_promised() -> None:
    runs = 200
    false = sum(
        line is not None and line.present
        for line in (measured(noise(seed)).measures.fault_line for seed in range(runs))
    )
    assert false <= 3  # the probability of more, at a rate of FALSE_ALARM, is below 1e-4
    assert FALSE_ALARM == 1e-3


def test_a_line_in_any_channel_counts() -> None:
    both = np.stack([noise(1), impacts(5.4152)])
    line = measured(both).measures.fault_line
    assert line is not None
    assert (line.present, line.channel) == (True, "S1")


def test_where_speed_geometry_or_fault_are_unknown_no_line_is_looked_for() -> None:
    signal = noise(0)
    assert measured(signal, geometry=None).measures.fault_line is None
    assert measured(signal, fault_type="normal").measures.fault_line is None
    without = measured(signal, rpm=None).measures
    assert without.fault_line is without.shaft_line is None


def test_the_shaft_line_is_found_or_its_absence_said() -> None:
    t = np.arange(N) / RATE
    turning = (noise(0) + 0.3 * np.sin(2 * math.pi * RPM / 60 * t)).astype(np.float32)
    assert "shaft_line_absent" not in kinds(measured(turning, fault_type="normal"))
    assert only("shaft_line_absent", measured(noise(0), fault_type="normal")).text.endswith("1 of 1 recordings")


def test_a_short_recording_is_not_judged() -> None:
    short = measured(noise(0, 100)).measures
    assert short.fault_line is short.shaft_line is None


def duplicates(faults: Mapping[str, str | None], **signals: npt.NDArray[np.float32]) -> list[Finding]:
    """The findings of copies among recordings of these names and signals; their fault is normal unless given."""
    finder, recordings = CopyFinder(), []
    for name, signal in signals.items():
        recordings.append(measured(signal, record_id=name, fault_type=faults.get(name, "normal")))
        finder.add(np.atleast_2d(signal))
    return [finding for finding in find(recordings, finder.find()) if finding.kind == "duplicate"]


def test_what_recordings_of_one_measurement_share_is_said() -> None:
    a, n = noise(1), f"{N:,}"
    [found] = duplicates({}, a=a, b=a.copy(), c=noise(2))
    assert (found.records, found.text) == (["a", "b"], "are of one measurement: 'b' is a copy of 'a'")
    [found] = duplicates({}, a=a, b=-2.5 * a[20_000:])
    assert found.text.endswith(f"'b' is samples 20,001 to {n} of 'a' scaled by -2.5")
    [found] = duplicates({"a": None, "b": "ball"}, a=a[:40_000], b=a[30_000:])
    assert "samples 1 to 10,000 of 'b' are samples 30,001 to 40,000 of 'a'" in found.text
    assert found.text.endswith("; labelled unlabelled and ball")
    [found] = duplicates({}, a=np.stack([a, noise(2)]), b=np.stack([noise(3), a]))
    assert found.text.endswith("'b' is a copy of 'a' ('S1' is 'S0')")


def test_channels_that_are_one_signal_are_said() -> None:
    [found] = duplicates({}, a=np.stack([noise(3), noise(4), 2 * noise(3)]))
    assert (found.records, found.text) == (["a"], "channels of it are one signal: 'S2' is 'S0' scaled by 2")


def test_what_is_said_of_many_copies_is_cut() -> None:
    [found] = duplicates({}, **{f"{index}{'x' * 1000}": noise(1, 5000) for index in range(30)})
    assert len(found.records) == 20
    assert len(found.text) < 1000
    assert found.text.endswith("; and 24 more; and 10 more")


def test_bearings_that_a_chain_of_copies_connects_are_one() -> None:
    infos = [info(record_id=f"r{name}", bearing_id=name, origins={"bearing_id": "file name"}) for name in "aabcdc"]
    both = partial(Shared, first_begins=0, second_begins=0, n_samples=N, channels=((0, 0),), scales=(1.0,))
    found, findings = unite(infos, [both(3, 4), both(2, 3), both(0, 1), both(5, 5)])
    assert [one.bearing_id for one in found] == ["a", "a", "b", "b", "b", "b"]
    assert [one is before for one, before in zip(found, infos, strict=True)] == [True] * 3 + [False] * 3
    assert found[4].origins["bearing_id"] == "file name, 'd'; one bearing with 'b', as recordings share samples"
    [one] = findings
    assert (one.kind, one.records) == ("one_bearing", ["rc", "rd", "rc"])
    assert one.text.startswith("'c', 'd' are taken for one bearing with 'b'")
    assert unite(infos, [both(0, 1)]) == (infos, [])


def test_a_constant_channel_is_found_and_breaks_nothing() -> None:
    recording = measured(np.stack([np.full(N, 0.5, np.float32), noise(0)]))
    assert only("constant", recording).text.endswith(": 'r' S0")
    assert recording.measures.bandwidth_of == "S1"
    assert kinds(measured(np.zeros(N, np.float32))) == ["constant"]


def test_a_clipped_channel_is_found_and_a_whole_one_is_not() -> None:
    slow = np.sin(np.arange(N) / 20).astype(np.float32)
    assert only("clipped", measured(np.clip(slow, -2, 0.8))).text.endswith(": 'r' S0")
    assert "clipped" not in kinds(measured(slow), measured(noise(0)))


def test_rates_and_bandwidths_that_tell_classes_apart_are_found() -> None:
    spectrum = np.fft.rfft(noise(0))
    narrow = spectrum.copy()
    narrow[int(0.7 * narrow.size) :] = 1e-6
    healthy = measured(np.fft.irfft(spectrum, N).astype(np.float32), fault_type="normal", record_id="n")
    faulty = measured(np.fft.irfft(narrow, N).astype(np.float32), record_id="f")
    found = only("bandwidth_by_class", healthy, faulty)
    assert "normal 5997" in found.text
    assert "inner_race 42" in found.text
    assert "rate_by_class" not in kinds(healthy, faulty)
    fast = measured(noise(2), fault_type="normal", sample_rate_hz=48_000.0, record_id="x")
    assert "normal 48000; inner_race 12000" in only("rate_by_class", fast, faulty).text
    assert "bandwidth_by_class" not in kinds(healthy, measured(noise(4), record_id="o"))


def test_many_records_of_a_finding_are_cut() -> None:
    found = only("shaft_line_absent", *(measured(noise(i, 30_000), record_id=f"r{i}") for i in range(25)))
    assert len(found.records) == 20
    assert found.text.endswith("; and 5 more")


def test_what_is_odd_of_many_recordings_is_one_finding() -> None:
    angle, speed = "the contact angle is not given, and taken as 0 degrees", "the file says 1500 rpm"
    notes = [(angle,), (angle, speed), *[(angle,)] * 20]
    recordings = [
        replace(measured(noise(0, 1000), record_id=f"r{index}"), notes=said) for index, said in enumerate(notes)
    ]
    first, second = (finding for finding in find(recordings) if finding.kind == "odd")
    assert (first.text, len(first.records)) == (f"{angle}; and 2 more", 20)
    assert (second.text, second.records) == (speed, ["r1"])


def turning(hz: float, seed: int = 0) -> npt.NDArray[np.float32]:
    t = np.arange(N) / RATE
    harmonics = sum(0.3 * np.sin(2 * math.pi * order * hz * t) for order in range(1, 6))
    return (noise(seed) + harmonics).astype(np.float32)


@pytest.mark.parametrize("off", [-0.08, -0.05, -0.035, 0.035, 0.05, 0.08])
def test_a_line_beyond_the_range_is_none_within_it(off: float) -> None:
    """The largest value of a range that a line lies beyond is at its edge: that is not a line."""
    strong = turning(RPM / 60 * (1 + off)) + 30 * turning(RPM / 60 * (1 + off))
    line = measured(strong, fault_type="normal").measures.shaft_line
    assert line is not None
    assert not line.present


def test_a_speed_that_the_signal_refutes_is_told_with_what_it_shows() -> None:
    wrong = measured(turning(RPM / 60 * 1.05), fault_type="normal", record_id="w")
    right = measured(turning(RPM / 60, 1), fault_type="normal", record_id="r")
    found = only("speed_refuted", wrong, right)
    assert found.records == ["w"]
    assert "w 1861 instead of 1772 rpm (+5.0%)" in found.text
    described = wrong.measures.described(wrong.info)
    assert described.rpm == RPM
    assert described.rpm_measured == pytest.approx(1.05 * RPM, abs=3 * (described.rpm_uncertainty or 0))


def test_the_line_of_a_fault_is_looked_for_at_the_speed_that_the_signal_shows() -> None:
    signal = impacts(5.4152) + turning(RPM / 60, 7)
    line = measured(signal, rpm=RPM / 1.06).measures.fault_line
    assert line is not None
    assert line.present
    assert line.expected_hz == pytest.approx(5.4152 * RPM / 60, rel=1e-3)


def test_a_dropout_is_found_and_quantization_is_none() -> None:
    lost = noise(0)
    lost[1000:1040] = 0.25
    assert only("dropout", measured(lost)).text.endswith(": 'r' S0")
    coarse = np.round(1.5 * noise(1)).astype(np.float32)
    slow = np.round(3 * np.sin(np.arange(N) / 500)).astype(np.float32)
    pulses = (np.arange(N) % 400 < 40).astype(np.float32)
    assert "dropout" not in kinds(measured(noise(2)), measured(coarse), measured(slow), measured(pulses))
    coarse[20_000:20_200] = 0
    assert "dropout" in kinds(measured(coarse))
