from __future__ import annotations

import dataclasses
import json
import os
import random
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pfd import DataError
from pfd_plugin_data import DatasetWriter, Finding, RecordingInfo, open_dataset
from pfd_plugin_data.layout import decode_info, encode_info

REQUIRED = {
    *("record_id", "bearing_id", "specimen", "geometry", "fault_type", "fault_size", "fault_origin", "severity"),
    *("condition", "rpm", "rpm_source", "load", "sample_rate_hz", "n_samples", "sha256", "source", "licence"),
}


def test_a_recording_has_every_required_column() -> None:
    columns = {field.name for field in dataclasses.fields(RecordingInfo)}
    told = {"channels", "origins", "rpm_measured", "rpm_uncertainty", "treatment"}
    assert columns == REQUIRED | told  # sensor, axis and unit are those of each channel


def test_what_is_written_is_read_back(make_info, write_dataset, noise) -> None:
    first = make_info("a", n_samples=500, sensors=("DE", "FE"), origins={"unit": "user: mapping.values", "rpm": "ü"})
    second = make_info(
        "ü/2", n_samples=77, rpm=None, load=None, geometry=None, fault_size=None, specimen=None, rpm_source=None
    )
    signals = [noise(2, 500), noise(1, 77)]
    times = np.array([0.1, 0.25])
    path = write_dataset([(first, signals[0]), (second, signals[1])], impact_times=times)
    with open_dataset(path) as dataset:
        assert dataset.name == "bench"
        assert dataset.recordings == (first, second)
        for index, signal in enumerate(signals):
            np.testing.assert_array_equal(dataset.read(index), signal)
        np.testing.assert_array_equal(dataset.read(0, 100, 200), signals[0][:, 100:200])
        np.testing.assert_array_equal(dataset.truth(1)["impact_times"], times)
        dataset.verify()


def test_a_measured_recording_has_no_truth(make_info, write_dataset, noise) -> None:
    with open_dataset(write_dataset([(make_info(), noise(1, 100))])) as dataset:
        assert dataset.truth(0) == {}


def test_signals_are_mapped_from_the_file_read_only_and_aligned(make_info, write_dataset, noise) -> None:
    recordings = [(make_info(f"r{i}", n_samples=101 + i), noise(1, 101 + i)) for i in range(20)]
    with open_dataset(write_dataset(recordings)) as dataset:
        for index in range(20):
            signal = dataset.read(index)
            assert not signal.flags.owndata
            assert not signal.flags.writeable
            assert signal.flags.aligned
            assert signal.ctypes.data % 64 == 0


def test_an_array_outlives_its_dataset_but_a_closed_dataset_reads_no_more(make_info, write_dataset, noise) -> None:
    expected = noise(1, 100)
    with open_dataset(write_dataset([(make_info(), expected)])) as dataset:
        signal = dataset.read(0)
    np.testing.assert_array_equal(signal, expected)
    with pytest.raises(DataError, match="closed"):
        dataset.read(0)


def test_the_fingerprint_depends_on_content_and_on_nothing_else(make_info, write_dataset, noise) -> None:
    def fingerprint(name: str, rpm: float = 1797.0, seed: int = 0, times: float = 0.5) -> str:
        path = write_dataset(
            [(make_info(rpm=rpm), noise(1, 100, seed=seed))], name=name, impact_times=np.array([times])
        )
        return open_dataset(path).fingerprint

    same = fingerprint("a")
    assert fingerprint("b") == same
    assert len({same, fingerprint("c", rpm=1796.0), fingerprint("d", seed=1), fingerprint("e", times=0.6)}) == 4


def test_a_recording_of_unknown_fault_is_stored_and_has_no_label(make_info, write_dataset, noise) -> None:
    known, unknown = make_info("a"), make_info("b", fault_type=None)
    with open_dataset(write_dataset([(known, noise(1, 100)), (unknown, noise(1, 100))])) as dataset:
        assert dataset.recordings == (known, unknown)
        dataset.verify()
    assert known.label == "ball"
    with pytest.raises(DataError, match="recording 'b' is unlabelled"):
        _ = unknown.label


def _as_format_1(path: Path) -> None:
    """Make a file what an earlier version would have written: it had no provenance."""
    with h5py.File(path, "r+") as file:
        del file["remarks"]
        file.attrs["format_version"] = 1


def test_the_same_content_has_the_fingerprint_that_it_had_in_format_1(make_info, write_dataset) -> None:
    # Computed by the code of format 1: every stored result names its dataset by it.
    known = "80311abc4b88bf558845e6bf460aa066fece5d788ca66a526fb76a5f5fbfea60"
    signal, times = np.arange(100.0)[None], np.array([0.5])
    for name, origins in (("untold", {}), ("told", {"rpm": "file", "unit": "data set"})):
        path = write_dataset([(make_info(origins=origins), signal)], name=name, impact_times=times)
        with open_dataset(path) as dataset:
            assert dataset.fingerprint == known
            dataset.verify()
            assert dataset.recordings[0].origins == origins
        _as_format_1(path)
        with open_dataset(path) as dataset:
            assert dataset.fingerprint == known
            dataset.verify()
            assert dataset.recordings == (make_info(),)
            np.testing.assert_array_equal(dataset.read(0), signal)


@pytest.mark.parametrize(
    "findings", [None, (), (Finding("clipped", ("r0",), "ü, at its limits"), Finding("odd", (), "a row too many"))]
)
def test_findings_are_kept_beside_the_content_and_that_nobody_has_looked_is_not_that_there_are_none(
    make_info, write_dataset, noise, findings: tuple[Finding, ...] | None
) -> None:
    recordings = [(make_info(), noise(1, 100))]
    with open_dataset(write_dataset(recordings, findings=findings)) as dataset:
        assert dataset.findings == findings
        dataset.verify()
        assert dataset.fingerprint == open_dataset(write_dataset(recordings, name="plain")).fingerprint


def test_provenance_that_is_damaged_is_found(make_info, write_dataset, noise) -> None:
    path = write_dataset([(make_info(origins={"rpm": "the tacho"}), noise(1, 100))])
    with h5py.File(path, "r+") as file:
        text = file["remarks"][...].tobytes()
        file["remarks"][...] = np.frombuffer(text.replace(b"tacho", b"guess"), np.uint8)
    with open_dataset(path) as dataset, pytest.raises(DataError, match="its provenance is damaged"):
        dataset.verify()
    with h5py.File(path, "r+") as file:
        del file["remarks"]
        file["remarks"] = np.frombuffer(b'{"origins": [{}, {}], "findings": null}', np.uint8)
    with pytest.raises(DataError, match="it says of 2 recordings where they came from"):
        open_dataset(path)
    with h5py.File(path, "r+") as file:
        del file["remarks"]
    with pytest.raises(DataError, match="cannot be read"):
        open_dataset(path)


def test_the_writer_and_the_reader_agree_on_the_fingerprint(tmp_path: Path, make_info, noise) -> None:
    with DatasetWriter(tmp_path / "x.h5", "x") as writer:
        writer.add(make_info(), noise(1, 100))
    assert open_dataset(tmp_path / "x.h5").fingerprint == writer.fingerprint


def test_columns_of_a_recording_that_is_written_already_can_be_corrected(tmp_path: Path, make_info, noise) -> None:
    first, second = make_info("a"), make_info("b")
    origins = {"bearing_id": "one with a"}
    right = replace(second, bearing_id="a", origins=origins)
    truth = {"speed_hz": np.full(5, 30.0), "impact_mask": np.ones(100, np.uint8)}
    paths = tmp_path / "corrected.h5", tmp_path / "direct.h5"
    for path, info in zip(paths, (second, right), strict=True):
        with DatasetWriter(path, "d") as writer:
            writer.add(first, noise(1, 100))
            writer.add(info, 2 * noise(1, 100), truth)
            writer.correct(right)
    with open_dataset(paths[0]) as corrected, open_dataset(paths[1]) as direct:
        assert corrected.recordings == (first, right)
        assert corrected.digest == direct.digest
        corrected.verify()
        np.testing.assert_array_equal(corrected.truth(1)["impact_mask"], truth["impact_mask"])


@pytest.mark.parametrize(("record_id", "n", "complaint"), [("x", 100, "add it first"), ("a", 99, "its columns say")])
def test_a_correction_that_fits_no_recording_is_refused_and_leaves_nothing(
    tmp_path: Path, make_info, noise, record_id: str, n: int, complaint: str
) -> None:
    def write() -> None:
        with DatasetWriter(tmp_path / "d.h5", "d") as writer:
            writer.add(make_info("a"), noise(1, 100))
            writer.correct(make_info(record_id, n_samples=n))

    with pytest.raises(DataError, match=complaint):
        write()
    assert list(tmp_path.iterdir()) == []


def test_a_writer_that_is_interrupted_leaves_nothing(tmp_path: Path, make_info, noise) -> None:
    def interrupted() -> None:
        with DatasetWriter(tmp_path / "x.h5", "x") as writer:
            writer.add(make_info(), noise(1, 100))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert list(tmp_path.iterdir()) == []


def test_a_failed_rewrite_leaves_the_earlier_file(tmp_path: Path, make_info, noise) -> None:
    with DatasetWriter(tmp_path / "x.h5", "x") as writer:
        writer.add(make_info(), noise(1, 100))
    with pytest.raises(DataError), DatasetWriter(tmp_path / "x.h5", "x"):
        pass
    assert open_dataset(tmp_path / "x.h5").fingerprint == writer.fingerprint
    assert [path.name for path in tmp_path.iterdir()] == ["x.h5"]


@pytest.mark.parametrize(
    ("shape", "value", "complaint"),
    [
        ((1, 99), 0.0, r"\(1, 99\)"),
        ((2, 100), 0.0, "its columns say"),
        ((1, 100), np.nan, "finite"),
        ((1, 100), 1e300, "finite"),
    ],
    ids=["length", "channels", "nan", "too large for float32"],
)
def test_a_signal_that_is_not_what_its_columns_say_is_refused(
    tmp_path: Path, make_info, shape: tuple[int, int], value: float, complaint: str
) -> None:
    with pytest.raises(DataError, match=complaint), DatasetWriter(tmp_path / "x.h5", "x") as writer:
        writer.add(make_info(n_samples=100), np.full(shape, value))
    assert list(tmp_path.iterdir()) == []


def test_a_record_id_is_used_once(tmp_path: Path, make_info, noise) -> None:
    with DatasetWriter(tmp_path / "x.h5", "x") as writer:
        writer.add(make_info("same"), noise(1, 100))
        with pytest.raises(DataError, match="already"):
            writer.add(make_info("same"), noise(1, 100))
    assert writer.n_recordings == 1


@pytest.mark.parametrize(
    "columns",
    [
        {"fault_type": "rust"},
        {"fault_origin": "guessed"},
        {"sample_rate_hz": 0.0},
        {"sample_rate_hz": float("nan")},
        {"rpm": -1.0},
        {"n_samples": 0},
        {"sensors": ()},
        {"sensors": ("DE", "DE")},
        {"bearing_id": ""},
        {"origins": {"colour": "file"}},
    ],
    ids=str,
)
def test_columns_that_no_recording_can_have_are_refused(make_info, columns: dict[str, object]) -> None:
    with pytest.raises(DataError, match="recording 'r0'"):
        make_info(**columns)


def test_a_missing_a_foreign_and_a_newer_file_are_told_apart(tmp_path: Path, make_info, write_dataset, noise) -> None:
    with pytest.raises(DataError, match="does not exist"):
        open_dataset(tmp_path / "absent.h5")
    (tmp_path / "text.h5").write_text("not HDF5")
    with pytest.raises(DataError, match="cannot be read"):
        open_dataset(tmp_path / "text.h5")
    with h5py.File(tmp_path / "foreign.h5", "w") as file:
        file["x"] = [1.0]
    with pytest.raises(DataError, match="not a dataset of PFD"):
        open_dataset(tmp_path / "foreign.h5")
    path = write_dataset([(make_info(), noise(1, 100))])
    with h5py.File(path, "r+") as file:
        file.attrs["format_version"] = 99
    with pytest.raises(DataError, match="format 99"):
        open_dataset(path)


def test_a_signal_in_chunks_is_refused_with_the_reason(make_info, write_dataset, noise) -> None:
    path = write_dataset([(make_info(), noise(1, 100))])
    with h5py.File(path, "r+") as file:
        del file["signals/000000"]
        file.create_dataset("signals/000000", data=noise(1, 100), compression="gzip")
    with pytest.raises(DataError, match="in chunks"):
        open_dataset(path)


def test_a_changed_sample_is_found_by_verify_and_named(make_info, write_dataset, noise) -> None:
    path = write_dataset([(make_info("good"), noise(1, 100)), (make_info("bad"), noise(1, 100))])
    with h5py.File(path, "r+") as file:
        file["signals/000001"][0, 50] += 1
    with open_dataset(path) as dataset, pytest.raises(DataError, match="'bad' is damaged"):
        dataset.verify()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(share=st.floats(0, 1, exclude_max=True))
def test_a_file_cut_short_anywhere_is_a_data_error(make_info, write_dataset, noise, share: float) -> None:
    path = write_dataset([(make_info("a"), noise(1, 100)), (make_info("b", n_samples=3000), noise(1, 3000))])
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(DataError):
        open_dataset(path)


def test_a_full_disk_is_one_clear_line_and_leaves_nothing(tmp_path: Path) -> None:
    # A limit on the size of files stands for the end of the disk; it holds for a process, so in one of its own.
    code = """
import resource, signal, sys
from pathlib import Path
import numpy as np
from pfd import ArtifactError
from pfd_plugin_data import ChannelInfo, DatasetWriter, RecordingInfo

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))
n = 100_000
try:
    with DatasetWriter(Path(sys.argv[1]) / "x.h5", "x") as writer:
        for i in range(20):
            columns = (None, None, "ball", None, None, None, None, None, None, None)
            info = RecordingInfo(f"r{i}", "b", *columns, (ChannelInfo("DE"),), 12_000.0, n, "0", "test", None)
            writer.add(info, np.ones((1, n), np.float32))
except ArtifactError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.stdout.startswith(f"cannot write {tmp_path / 'x.h5'}: "), done.stderr
    assert len(done.stdout.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("seed", range(3))
def test_a_file_with_changed_bytes_is_a_data_error_or_unharmed_and_never_a_crash(
    make_info, write_dataset, noise, seed: int
) -> None:
    path = write_dataset([(make_info(f"r{i}"), noise(1, 100, seed=i)) for i in range(3)], impact_times=np.ones(3))
    with open_dataset(path) as dataset:
        expected = [dataset.read(i).copy() for i in range(3)]
    whole = path.read_bytes()
    rng = random.Random(seed)
    for _ in range(200):
        content = bytearray(whole)
        for _ in range(rng.choice([1, 3, 10])):
            content[rng.randrange(len(content))] = rng.randrange(256)
        path.write_bytes(content)
        try:
            with open_dataset(path) as dataset:
                dataset.verify()
                read = [dataset.read(i) for i in range(3)]
        except DataError:
            continue
        np.testing.assert_array_equal(read, expected)


def _linked(file: h5py.File, name: str, pipe: Path) -> None:
    file[name] = h5py.ExternalLink(str(pipe), "/x")


def _outside(file: h5py.File, name: str, pipe: Path) -> None:
    file.create_dataset(name, shape=(10,), dtype="u1", external=[(str(pipe), 0, 10)])


def _virtual(file: h5py.File, name: str, pipe: Path) -> None:
    layout = h5py.VirtualLayout((10,), "u1")
    layout[:] = h5py.VirtualSource(str(pipe), "x", shape=(10,))
    file.create_virtual_dataset(name, layout)


def _vast(file: h5py.File, name: str, _: Path) -> None:
    file.create_dataset(name, shape=(1 << 46,), dtype="u1", chunks=(1 << 20,))


def _unstored(file: h5py.File, name: str, _: Path) -> None:
    file.create_dataset(name, shape=(1 << 46,), dtype="u1")  # contiguous, with nothing written


@pytest.mark.parametrize("name", ["recordings", "remarks", "digests", "signals/000000", "truth/000000/speed_hz"])
@pytest.mark.parametrize("put", [_linked, _outside, _virtual, _vast, _unstored])
def test_what_lies_outside_of_a_file_or_is_larger_than_it_is_refused_unread(
    make_info, write_dataset, noise, tmp_path: Path, name: str, put: Callable[[h5py.File, str, Path], None]
) -> None:
    path = write_dataset([(make_info(), noise(1, 100))], speed_hz=np.full(9, 25.0))
    os.mkfifo(tmp_path / "pipe")  # whoever opened it for reading would wait for ever
    with h5py.File(path, "r+") as file:
        del file[name]
        put(file, name, tmp_path / "pipe")
    if not name.startswith("truth"):
        with pytest.raises(DataError, match=f"cannot be read: .*{Path(name).name}"):
            open_dataset(path)
        return
    with open_dataset(path) as dataset:
        for read in (lambda: dataset.truth(0), lambda: dataset.speed(0), dataset.verify):
            with pytest.raises(DataError, match="speed_hz"):
                read()


@pytest.mark.parametrize("name", ["signals", "truth"])
def test_a_group_that_is_a_link_to_elsewhere_is_refused(
    make_info, write_dataset, noise, tmp_path: Path, name: str
) -> None:
    path = write_dataset([(make_info(), noise(1, 100))], speed_hz=np.full(9, 25.0))
    os.mkfifo(tmp_path / "pipe")
    with h5py.File(path, "r+") as file:
        del file[name]
        file[name] = h5py.ExternalLink(str(tmp_path / "pipe"), "/x")
    with pytest.raises(DataError, match=f"{name!r} of / is a link to elsewhere"):
        open_dataset(path).verify()


@pytest.mark.parametrize(
    "stored", [np.array([1e300, np.nan]), np.array([1j]), np.zeros((2, 2), "u1"), np.zeros(3, "i1")], ids=str
)
def test_text_that_is_no_row_of_bytes_is_refused_by_its_type(
    make_info, write_dataset, noise, stored: npt.NDArray[Any]
) -> None:
    path = write_dataset([(make_info(), noise(1, 100))])
    with h5py.File(path, "r+") as file:
        del file["remarks"]
        file["remarks"] = stored
    with pytest.raises(DataError, match=rf"/remarks is {stored.dtype}"):
        open_dataset(path)


def test_columns_that_came_later_change_no_fingerprint_where_they_say_nothing(make_info: Any) -> None:
    info = make_info()
    written = json.loads(encode_info(info))
    assert not {"rpm_measured", "rpm_uncertainty", "treatment"} & written.keys()
    assert written["channels"] == [{"sensor": "DE", "axis": "radial", "unit": "g"}]


def test_columns_that_came_later_are_kept(make_info: Any) -> None:
    info = make_info(rpm_measured=1774.0, rpm_uncertainty=1.5, treatment="3 gaps interpolated")
    info = replace(info, channels=(replace(info.channels[0], offset=1e6),))
    assert decode_info(encode_info(info)) == info


@pytest.mark.parametrize(
    "columns", [{"rpm_measured": 1774.0}, {"rpm_uncertainty": 1.0}, {"rpm_measured": -1.0, "rpm_uncertainty": 1.0}]
)
def test_a_measured_speed_without_its_uncertainty_is_refused(make_info: Any, columns: dict[str, float]) -> None:
    with pytest.raises(DataError, match=r"rpm_(measured|uncertainty)"):
        make_info(**columns)
