"""What must change nothing in what is imported: a constant, a gain, a name, a copy, something else in the file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.io import savemat

from pfd_plugin_data import RecordingInfo, make_split
from pfd_plugin_features.condition import Condition
from pfd_plugin_features.extraction import choose, compute
from pfd_plugin_mat_import.bearings import unite
from pfd_plugin_mat_import.copies import CopyFinder
from pfd_plugin_mat_import.examining import examine
from pfd_plugin_mat_import.findings import find
from pfd_plugin_mat_import.importing import import_files
from pfd_plugin_mat_import.params import FileMapping, Finding
from pfd_plugin_mat_import.reader import Reader
from pfd_plugin_mat_import.sources import find_files

RATE = 12_000.0
N = 40_000
T = np.arange(N) / RATE

MAPPING = FileMapping.model_validate(
    {
        "channels": [{"variable": "x", "sensor": "DE"}],
        "values": {"sample_rate_hz": RATE, "n_balls": 9, "ball_d_mm": 7.94, "pitch_d_mm": 39.04, "contact_deg": 0},
        "variables": {"fault_type": "fault", "bearing_id": "bearing", "rpm": "rpm"},
    }
)

CONDITION = Condition(
    RATE, 4096, RATE / 2, 30.0, None, "", {"bpfo": 3.5848, "bpfi": 5.4152, "bsf": 4.7135, "ftf": 0.3983}
)
FEATURES, _ = choose(("time", "frequency", "envelope", "wavelet"), [CONDITION])

Signal = npt.NDArray[np.float64]
Contents = Mapping[str, Any]

few = settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@dataclass(frozen=True)
class Import:
    """What an import makes of a folder, and the arrays `(channels, samples)` of its recordings."""

    infos: list[RecordingInfo]
    signals: list[npt.NDArray[np.float32]]
    shown: list[Any]
    findings: list[Finding]


@pytest.fixture(scope="module")
def reader() -> Iterator[Reader]:
    with Reader(mapping=MAPPING) as reading:
        yield reading


def imported(reader: Reader, folder: Path, files: Mapping[str, Contents]) -> Import:
    """Import these files, each given by its variables."""
    for path in folder.glob("*.mat"):
        path.unlink()
    for name, contents in files.items():
        savemat(folder / f"{name}.mat", dict(contents))
    copies, found, signals = CopyFinder(), [], []
    for outcome, measured in examine(import_files(find_files(folder, reader), reader), copies):
        assert outcome.imported is not None, outcome.reason
        assert measured is not None
        found.append(measured)
        signals.append(outcome.imported.signal)
    shared = copies.find()
    infos, united = unite([one.info for one in found], shared)
    return Import(infos, signals, [one.measures for one in found], united + find(found, shared))


def features(signal: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    windows = signal[0, : signal.shape[1] // 4096 * 4096].reshape(-1, 4096)
    return np.asarray(compute(FEATURES, windows, CONDITION))


@st.composite
def recordings(draw: st.DrawFn, first_seed: int = 0) -> dict[str, Any]:
    """The variables of a file: a shaft's harmonics and the impacts of a fault, in noise."""
    rng = np.random.default_rng(first_seed + draw(st.integers(0, 2**32 - 1)))
    hz, order = draw(st.floats(20, 50)), draw(st.sampled_from([3.5848, 4.7135, 5.4152]))
    x = rng.standard_normal(N)
    for harmonic in range(1, 2 + draw(st.integers(0, 5))):
        x += draw(st.floats(0.05, 1)) * np.sin(2 * np.pi * harmonic * hz * T + rng.uniform(0, 6))
    impacts = np.zeros(N)
    impacts[(np.arange(0, T[-1], 1 / (order * hz)) * RATE).astype(int)] = draw(st.floats(0, 10))
    ringing = np.exp(-900 * T[:200]) * np.sin(2 * np.pi * 3000 * T[:200])
    label = draw(st.floats(0.95, 1.05))
    fault = {3.5848: "outer_race", 4.7135: "ball", 5.4152: "inner_race"}[order]
    return {"x": x + np.convolve(impacts, ringing)[:N], "fault": fault, "bearing": "b", "rpm": 60 * hz * label}


def same(one: Import, other: Import, index: int = 0) -> None:
    """Two imports say the same of a recording, but for the digest of its file."""
    infos = [replace(found.infos[index], sha256="", n_samples=1, treatment=None) for found in (one, other)]
    infos = [replace(info, channels=tuple(replace(c, offset=None) for c in info.channels)) for info in infos]
    speeds = [(info.rpm_measured or 0.0, info.rpm_uncertainty or 0.0) for info in infos]
    assert speeds[0] == pytest.approx(speeds[1], abs=0.2)
    plain = [replace(info, rpm_measured=None, rpm_uncertainty=None) for info in infos]
    assert plain[0] == plain[1]
    for line in ("shaft_line", "fault_line"):
        found = [getattr(result.shown[index], line) for result in (one, other)]
        assert (found[0] is None) == (found[1] is None)
        if found[0] is not None:
            assert found[0].prominence == pytest.approx(found[1].prominence, rel=0.02, abs=0.02)
    assert [finding.kind for finding in one.findings] == [finding.kind for finding in other.findings]


@few
@given(recording=recordings(), constant=st.sampled_from([0.5, -30.0, 1e4, -1e9]))
def test_a_constant_changes_only_the_offset(
    reader: Reader, tmp_path: Path, recording: dict[str, Any], constant: float
) -> None:
    plain = imported(reader, tmp_path, {"a": recording})
    lifted = imported(reader, tmp_path, {"a": recording | {"x": recording["x"] + constant}})
    same(plain, lifted)
    offset = lifted.infos[0].channels[0].offset
    assert (offset is None) == (abs(constant) < 1e3)
    np.testing.assert_allclose(lifted.signals[0] + (offset or 0.0), recording["x"][np.newaxis] + constant, atol=1e-3)
    np.testing.assert_allclose(features(lifted.signals[0]), features(plain.signals[0]), rtol=2e-3, atol=1e-5)


@few
@given(recording=recordings(), gain=st.sampled_from([1e-9, 9.81, 2.0**20]), counts=st.booleans())
def test_a_gain_changes_only_the_size_of_the_samples(
    reader: Reader, tmp_path: Path, recording: dict[str, Any], gain: float, counts: bool
) -> None:
    x = np.round(100 * recording["x"]).astype(np.int16) if counts else recording["x"]
    plain = imported(reader, tmp_path, {"a": recording | {"x": x}})
    scaled = imported(reader, tmp_path, {"a": recording | {"x": gain * x}})
    same(plain, scaled)
    np.testing.assert_allclose(scaled.signals[0] / np.float32(gain), plain.signals[0], rtol=1e-5)


@few
@given(recording=recordings(), name=st.from_regex(r"\A[a-z]{1,8}_\d{1,3}\Z"))
def test_a_name_changes_only_the_id(reader: Reader, tmp_path: Path, recording: dict[str, Any], name: str) -> None:
    plain = imported(reader, tmp_path, {"a": recording})
    named = imported(reader, tmp_path, {name: recording})
    sha256 = named.infos[0].sha256  # of a file into which SciPy writes the time
    assert named.infos[0] == replace(plain.infos[0], record_id=name, source=f"{name}.mat", sha256=sha256)
    assert named.shown == plain.shown


VALUES = st.one_of(
    st.text(st.characters(codec="ascii", exclude_characters="\0"), max_size=20),
    st.floats(),
    st.integers(-(2**31), 2**31 - 1),
    st.just(np.array([[np.nan, np.inf], [0.0, 1e308]])),
    st.just({"vibration": np.zeros(3), "fault": "normal", "rpm": -5.0}),
    st.just(np.array(["a", 1.0, np.zeros((2, 2))], dtype=object)),
    st.just(np.zeros((0, 0))),
    st.just(np.arange(N) + 1j),
)


@few
@given(
    recording=recordings(), others=st.dictionaries(st.from_regex(r"\A[a-wy-z]{1,5}\Z"), VALUES, min_size=1, max_size=4)
)
def test_what_else_is_in_a_file_changes_nothing(
    reader: Reader, tmp_path: Path, recording: dict[str, Any], others: dict[str, Any]
) -> None:
    plain = imported(reader, tmp_path, {"a": recording})
    crowded = imported(reader, tmp_path, {"a": others | recording})
    assert replace(crowded.infos[0], sha256=plain.infos[0].sha256) == plain.infos[0]
    assert (crowded.shown, crowded.findings) == (plain.shown, plain.findings)
    np.testing.assert_array_equal(crowded.signals[0], plain.signals[0])


@few
@given(
    recording=recordings(),
    other=recordings(first_seed=2**32),
    begins=st.integers(0, 20_000),
    n=st.integers(2_000, 20_000),
    gain=st.sampled_from([1.0, -1.0, 0.25, 9.81]),
    constant=st.sampled_from([0.0, 3.0]),
)
def test_copies_and_slices_are_of_one_bearing_and_change_no_other(
    reader: Reader,
    tmp_path: Path,
    recording: dict[str, Any],
    other: dict[str, Any],
    begins: int,
    n: int,
    gain: float,
    constant: float,
) -> None:
    files = {"a": recording, "b": other | {"bearing": "other"}}
    plain = imported(reader, tmp_path, files)
    cut = gain * recording["x"][begins : begins + n] + constant
    more = imported(reader, tmp_path, files | {"z": recording | {"x": cut, "bearing": "copied"}})
    assert [info.bearing_id for info in more.infos] == ["b", "other", "b"]
    assert [info.bearing_id for info in plain.infos] == ["b", "other"]
    undated = [[replace(info, sha256="") for info in made.infos[:2]] for made in (more, plain)]
    assert undated[0] == undated[1]  # SciPy writes the time into a file
    assert more.shown[:2] == plain.shown
    kinds = {finding.kind: finding.records for finding in more.findings}
    assert kinds["duplicate"] == ["a", "z"]
    assert "one_bearing" in kinds
    assert "duplicate" not in {finding.kind for finding in plain.findings}


def test_no_split_puts_a_copy_on_another_side(reader: Reader, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    files: dict[str, Contents] = {}
    for number in range(6):
        x = rng.standard_normal(N)
        fault = ("ball", "normal")[number % 2]
        files[f"r{number}"] = {"x": x, "fault": fault, "bearing": f"b{number}", "rpm": 1772.0}
        if number < 4:
            cut = x[N // 2 :]
            files[f"r{number}-again"] = {"x": -2 * cut, "fault": fault, "bearing": f"c{number}", "rpm": 1772.0}
    made = imported(reader, tmp_path, files)
    assert len({info.bearing_id for info in made.infos}) == 6
    for seed in range(20):
        split = make_split(made.infos, "bearing", seed=seed)
        for number in range(4):
            pair = [i for i, info in enumerate(made.infos) if info.record_id.startswith(f"r{number}")]
            sides = {part for i in pair for part in ("train", "validation", "test") if i in getattr(split, part)}
            assert len(sides) == 1
