from __future__ import annotations

import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pfd import DataError
from pfd_plugin_mat_import import formats, recorded_file
from pfd_plugin_mat_import.conversion import convert_file
from pfd_plugin_mat_import.params import ChannelMap, FileMapping


class Harm:
    """Leaves a file behind where it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (Path("harm"),)


def values(path: Path, *names: str) -> dict[str, Any]:
    found = formats.variables(path)
    return formats.read(path, [one for one in found if not names or one.name in names])


@pytest.fixture
def npz(tmp_path: Path) -> Path:
    path = tmp_path / "a.npz"
    np.savez_compressed(
        path,
        signal=np.arange(600.0).reshape(300, 2),
        rate=25_600,
        fault="ball",
        word=np.array([b"inner race"]),
        run=np.array([(1500, [1.0, 2.0])], [("rpm", "i4"), ("x", "f8", 2)]),
    )
    return path


def test_the_arrays_of_an_npz_go_by_their_names(npz: Path) -> None:
    assert list(map(str, formats.variables(npz))) == [
        *("signal (300×2 float64)", "rate (int64)", "fault (text)", "word (1 text)", "run (1 struct)")
    ]
    found = values(npz)
    assert found["signal"].shape == (300, 2)
    assert (found["rate"], found["fault"], found["word"]) == (25_600, "ball", "inner race")
    assert found["run"]["rpm"] == 1500
    assert found["run"]["x"].tolist() == [1, 2]


def test_a_recording_in_an_npz_is_imported_by_a_mapping(npz: Path) -> None:
    with pytest.raises(DataError, match=r"it holds signal \(300×2 float64\), rate"):
        convert_file(npz)
    mapping = FileMapping(
        channels=(ChannelMap(variable="signal", channel=2),),
        values={"bearing_id": "b"},
        variables={"sample_rate_hz": "rate", "fault_type": "fault", "rpm": "run.rpm"},
    )
    [found] = convert_file(npz, mapping=mapping)
    assert (found.info.sample_rate_hz, found.info.fault_type, found.info.rpm) == (25_600, "ball", 1500)
    np.testing.assert_array_equal(found.signal[0], np.arange(600.0)[1::2].astype(np.float32))


def test_the_array_of_an_npy_is_called_array(tmp_path: Path) -> None:
    path = tmp_path / "a.npy"
    np.save(path, np.asfortranarray(np.arange(6.0).reshape(2, 3)))
    assert list(map(str, formats.variables(path))) == ["array (2×3 float64)"]
    assert values(path)["array"].tolist() == [[0, 1, 2], [3, 4, 5]]


def test_objects_are_never_unpickled_and_keep_nothing_else_from_being_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    held = np.array([Harm()], object)
    np.savez("a.npz", x=np.arange(3), held=held)
    np.save("a.npy", held)
    with zipfile.ZipFile("a.npz", "a") as file:
        file.writestr("raw.pkl", pickle.dumps(Harm()))
    path = tmp_path / "a.npz"
    assert [(one.name, one.kind) for one in formats.variables(path)] == [("x", "int64"), ("held", "objects")]
    assert values(path, "x")["x"].tolist() == [0, 1, 2]
    with pytest.raises(DataError, match="held holds Python objects"):
        values(path, "held")
    with pytest.raises(DataError, match="Python objects"):
        values(tmp_path / "a.npy")
    assert not Path("harm").exists()


def test_what_claims_more_than_is_there_or_may_be_read_is_refused(
    npz: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = tmp_path / "a.npy"
    np.save(alone, np.zeros(1000))
    content = alone.read_bytes()
    alone.write_bytes(content.replace(b"(1000,)", b"(9e9,) "))
    for claim in (b"(9999,)", b"(-1,)  ", b"(9e9,) "):
        alone.write_bytes(content.replace(b"(1000,)", claim))
        with pytest.raises(DataError, match="damaged, or no NumPy file"):
            values(alone)
        with zipfile.ZipFile(tmp_path / "b.npz", "w") as file:
            file.writestr("x.npy", alone.read_bytes())
        with pytest.raises(DataError):
            values(tmp_path / "b.npz")
    bomb = tmp_path / "bomb.npz"
    np.savez_compressed(bomb, x=np.zeros(12_500_000))
    with pytest.raises(DataError, match="unpacks to"):
        values(bomb)
    monkeypatch.setattr(recorded_file, "MAX_DATA_BYTES", 1000)
    alone.write_bytes(content)
    for path in (alone, npz):
        with pytest.raises(DataError, match="its variables claim"):
            values(path)


def test_a_damaged_npz_and_a_pointer_in_its_place_are_said(npz: Path) -> None:
    npz.write_bytes(npz.read_bytes()[:-30])
    with pytest.raises(DataError, match=r"damaged, or no NumPy file: .* save it again with numpy\.savez"):
        formats.variables(npz)
    npz.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\n", encoding="ascii")
    with pytest.raises(DataError, match="pointer of Git LFS"):
        formats.variables(npz)
    with zipfile.ZipFile(npz, "w") as file:
        file.writestr("xl/workbook.xml", "")
    with pytest.raises(DataError, match="no array of NumPy's in it"):
        formats.variables(npz)
    npz.write_text("1,2\n3,4\n", encoding="ascii")
    with pytest.raises(DataError, match="no NumPy file: File is not a zip file"):
        formats.variables(npz)
