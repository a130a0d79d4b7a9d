from __future__ import annotations

import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pfd import DataError
from pfd_plugin_mat_import import archive, sources
from pfd_plugin_mat_import.importing import Outcome, import_files
from pfd_plugin_mat_import.reader import Reader
from pfd_plugin_mat_import.sources import find_files


def imported(source: Path) -> dict[str, Outcome]:
    with Reader() as reader:
        return {found.file: found for found in import_files(find_files(source, reader), reader)}


def said(source: Path) -> dict[str, str]:
    return {
        file: found.imported.info.record_id if found.imported else found.reason
        for file, found in imported(source).items()
    }


@pytest.fixture
def good(save, cwru) -> bytes:
    path: Path = save("105.mat", cwru(105))
    return path.read_bytes()


Pack = Callable[..., Path]


@pytest.fixture
def pack(tmp_path: Path) -> Pack:
    """Write a zip file of members by name."""

    def write(members: dict[str, bytes], name: str = "data.zip") -> Path:
        path = tmp_path / "zips" / name
        path.parent.mkdir(exist_ok=True)
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
            for member, content in members.items():
                file.writestr(member, content)
        return path

    return write


def test_the_files_in_a_zip_file_are_imported_as_those_of_a_folder(save, cwru, uestc, pack: Pack, good: bytes) -> None:
    other = save("x.mat", uestc(), do_compression=True).read_bytes()
    path = pack({"105.mat": good, "12k/N_800_1.mat": other, "readme.txt": b"-", "__MACOSX/._105.mat": b"-"})
    found = imported(path)
    assert list(found) == ["data.zip/105.mat", "data.zip/12k/N_800_1.mat"]
    one = found["data.zip/105.mat"].imported
    assert one is not None
    np.testing.assert_array_equal(one.signal[0], cwru(105)["X105_DE_time"][:, 0].astype(np.float32))
    assert one.info.record_id == "cwru-105"
    two = found["data.zip/12k/N_800_1.mat"].imported
    assert two is not None
    assert two.info.fault_type == "normal"
    assert list(path.parent.iterdir()) == [path]  # nothing is unpacked beside it


def test_zip_files_in_a_folder_are_looked_into(pack: Pack, good: bytes, save, cwru) -> None:
    path = pack({"105.mat": good})
    (path.parent / "106.mat").write_bytes(save("106.mat", cwru(106)).read_bytes())
    assert said(path.parent) == {"106.mat": "cwru-106", "data.zip/105.mat": "cwru-105"}


def test_a_v73_file_in_a_zip_file_is_read(pack: Pack, v73) -> None:
    path = pack(
        {"N_800_1.mat": v73("N_800_1.mat", {"Data": np.ones((1, 9)), "SampleFrequency": [[20e3]]}).read_bytes()}
    )
    assert said(path) == {"data.zip/N_800_1.mat": "uestc-N_800_1"}


def test_what_leads_out_nests_or_deceives_is_refused_with_its_reason_and_the_rest_is_imported(
    pack: Pack, good: bytes
) -> None:
    path = pack({"../out.mat": good, "/abs.mat": good, "in.zip": b"PK", "bomb.mat": bytes(20_000_000), "105.mat": good})
    found = said(path)
    assert found["data.zip/../out.mat"] == found["data.zip//abs.mat"] == "its path leads out of the zip file"
    assert "a zip file in a zip file" in found["data.zip/in.zip"]
    assert "more than 200 times its size" in found["data.zip/bomb.mat"]
    assert found["data.zip/105.mat"] == "cwru-105"
    assert not (path.parent.parent / "out.mat").exists()


def test_an_encrypted_file_and_a_link_are_refused(pack: Pack, good: bytes) -> None:
    path = pack({"105.mat": good, "link.mat": b"/etc/passwd"})
    content = bytearray(path.read_bytes())
    first = content.index(b"PK\x01\x02")
    content[first + 8] |= 1  # the flag of encryption, in the directory
    content[6] |= 1  # and before the data
    second = content.index(b"PK\x01\x02", first + 4)
    content[second + 38 : second + 42] = struct.pack("<I", 0o120777 << 16)
    path.write_bytes(content)
    assert said(path) == {
        "data.zip/105.mat": "it is encrypted; unpack it first",
        "data.zip/link.mat": "it is a link",
    }


def test_a_damaged_member_takes_none_of_the_others_down(pack: Pack, good: bytes) -> None:
    path = pack({"bad.mat": np.random.default_rng(0).bytes(50_000), "105.mat": good})
    content = bytearray(path.read_bytes())
    content[20_000] ^= 255
    path.write_bytes(content)
    found = said(path)
    assert "Bad CRC-32" in found["data.zip/bad.mat"]
    assert found["data.zip/105.mat"] == "cwru-105"


def test_a_zip_file_that_lies_about_a_size_is_found_out(pack: Pack, good: bytes) -> None:
    path = pack({"105.mat": good})
    content = bytearray(path.read_bytes())
    at = content.index(b"PK\x01\x02") + 24
    content[at : at + 4] = struct.pack("<I", 100)
    path.write_bytes(content)
    [reason] = said(path).values()
    assert "damaged" in reason or "more than the zip file says" in reason


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"no zip at all" * 50])
def test_what_is_no_zip_file_is_said(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.zip").write_bytes(content)
    assert "not a zip file" in said(tmp_path / "x.zip")["x.zip"]


def test_an_empty_zip_file_is_said(pack: Pack) -> None:
    assert said(pack({"a.pdf": b"-"})) == {"data.zip": "no .mat file in it"}


def test_a_zip_file_that_holds_only_files_of_other_formats_says_so(pack: Pack, good: bytes) -> None:
    others = {"a.csv": b"1\n", "b/c.CSV": b"2\n", "d.npz": b"-", "__MACOSX/._a.csv": b"-"}
    assert said(pack(others)) == {
        "data.zip": "no .mat file in it: it holds 2 .csv and 1 .npz; unpack it, and give a pattern that names these"
    }
    assert list(said(pack({**others, "105.mat": good}))) == ["data.zip/105.mat"]


def test_a_zip_file_with_too_much_in_it_is_refused(pack: Pack, good: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    path = pack({"1.mat": good, "2.mat": good})
    monkeypatch.setattr(archive, "MAX_MEMBERS", 1)
    with pytest.raises(DataError, match="it holds 2 files, at most 1"):
        archive.members(path)
    monkeypatch.setattr(archive, "MAX_MEMBERS", 2)
    monkeypatch.setattr(archive, "MAX_UNPACKED_BYTES", 1000)
    with pytest.raises(DataError, match="it unpacks to"):
        archive.members(path)
    monkeypatch.setattr(sources, "MAX_FILES", 1)
    with Reader() as reader, pytest.raises(DataError, match=r"2 files in .* at most 1 at a time"):
        find_files(path, reader)


def test_two_members_of_one_name_are_refused(pack: Pack, good: bytes) -> None:
    with pytest.warns(UserWarning, match="Duplicate name"), zipfile.ZipFile(pack({"105.mat": good}), "a") as file:
        file.writestr("105.mat", good)
    assert said(Path(str(file.filename)))["data.zip/105.mat"] == "the zip file holds several of this name"


def test_a_pattern_takes_the_files_that_it_fits(save, cwru, tmp_path: Path) -> None:
    for folder, number in [("a", 105), ("a", 118), ("b", 106)]:
        save(f"{folder}/{number}.mat", cwru(number))
    found = said(tmp_path / "files" / "*" / "10*.mat")
    assert found == {"a/105.mat": "cwru-105", "b/106.mat": "cwru-106"}
    assert len(said(tmp_path / "files" / "**" / "*.mat")) == 3
    with Reader() as reader, pytest.raises(DataError, match=r"no \.mat file in"):
        find_files(tmp_path / "files" / "x*.mat", reader)
