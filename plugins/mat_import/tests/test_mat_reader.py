from __future__ import annotations

import os
from pathlib import Path

import h5py
import numpy as np
import pytest
import scipy.io

from pfd import DataError
from pfd_plugin_mat_import import formats, recorded_file
from pfd_plugin_mat_import.conversion import convert_file
from pfd_plugin_mat_import.importing import import_files
from pfd_plugin_mat_import.reader import AHEAD, PLACE_BYTES, Reader, Request
from pfd_plugin_mat_import.sources import find_files


def outcomes(folder: Path) -> dict[str, str]:
    """What became of each file of a folder: the id of its recording, or the reason why there is none."""
    with Reader() as reader:
        found = import_files(find_files(folder, reader), reader)
        return {item.file: item.imported.info.record_id if item.imported else item.reason for item in found}


def test_what_the_reading_process_sends_is_what_is_in_the_file(save, cwru) -> None:
    variables = cwru(105)
    path = save("105.mat", variables)
    with Reader() as reader:
        [imported] = reader.read(path)
        [again] = reader.read(path)
    expected = np.stack([variables[f"X105_{sensor}_time"][:, 0] for sensor in ("DE", "FE", "BA")])
    np.testing.assert_array_equal(imported.signal, expected.astype(np.float32))
    assert again.info == imported.info


def test_a_damaged_file_takes_none_of_the_others_down(save, cwru, uestc, tmp_path: Path) -> None:
    save("105.mat", cwru(105))
    whole = save("118.mat", cwru(118)).read_bytes()
    (tmp_path / "files" / "118.mat").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "files" / "empty.mat").touch()
    (tmp_path / "files" / "text.mat").write_text("a,b\n1,2\n" * 100)
    (tmp_path / "files" / "notes.txt").write_text("not looked at")
    save("sub/N_800_1.mat", uestc())
    found = outcomes(tmp_path / "files")
    assert found["105.mat"] == "cwru-105"
    assert found["sub/N_800_1.mat"] == "uestc-N_800_1"
    assert "damaged" in found["118.mat"]
    assert found["empty.mat"] == "the file is empty"
    assert found["text.mat"].startswith("no MATLAB file: it begins like text, 'a,b 1,2 a,b")
    assert found["118.mat"].endswith("copy or download it again, or save it again from MATLAB")
    assert set(found) == {"105.mat", "118.mat", "empty.mat", "text.mat", "sub/N_800_1.mat"}


def test_a_reader_that_dies_costs_the_file_and_not_the_import(save, cwru) -> None:
    path = save("105.mat", cwru(105))
    with Reader() as reader:
        reader.read(path)
        assert reader._process is not None
        reader._process.kill()
        reader._process.wait()
        with pytest.raises(DataError, match=r"crashed \(SIGKILL\)"):
            reader.read(path)
        assert reader.read(path)[0].info.record_id == "cwru-105"


@pytest.mark.timeout(60)
def test_files_that_were_asked_for_when_the_reader_died_are_asked_for_again(save, cwru) -> None:
    numbers = [105, 106, 118, 119, 130, 131, 169, 170]
    paths = [save(f"{number}.mat", cwru(number)) for number in numbers]
    with Reader() as reader:
        found = []
        for number, one in enumerate(reader.read_all([Request(path.name, str(path)) for path in paths])):
            found.append(one)
            if number == 1:
                assert reader._process is not None
                reader._process.kill()
                reader._process.wait()
    reasons = [one.message for one in found if isinstance(one, DataError)]
    assert len(reasons) <= 1  # none where all that it had been asked was answered already
    assert all("SIGKILL" in reason for reason in reasons)
    read = {one.info.record_id: one.signal for each in found if not isinstance(each, DataError) for one in each}
    assert len(read) + len(reasons) == len(numbers)
    for number in numbers:
        if f"cwru-{number}" in read:
            expected = cwru(number)[f"X{number}_DE_time"][:, 0]
            np.testing.assert_array_equal(read[f"cwru-{number}"][0], expected.astype(np.float32))


def test_who_stops_early_gets_no_old_reply_later(save, cwru) -> None:
    paths = [save(f"{number}.mat", cwru(number)) for number in (105, 106, 118)]
    with Reader() as reader:
        results = reader.read_all([Request(path.name, str(path)) for path in paths])
        next(results)
        results.close()
        assert reader.read(paths[2])[0].info.record_id == "cwru-118"


@pytest.mark.parametrize("length", [PLACE_BYTES // 4, PLACE_BYTES // 4 + 1])
def test_an_array_arrives_whole_in_its_place_and_by_the_pipe(save, cwru, length: int) -> None:
    path = save("105.mat", cwru(105, sensors="DE", n=length))
    expected = cwru(105, sensors="DE", n=length)["X105_DE_time"][:, 0].astype(np.float32)
    with Reader() as reader:
        for found in reader.read_all([Request(path.name, str(path))] * 2):
            assert not isinstance(found, DataError)
            np.testing.assert_array_equal(found[0].signal[0], expected)


@pytest.mark.timeout(60)
def test_requests_and_replies_larger_than_a_pipe_do_not_wait_for_each_other(save, cwru) -> None:
    path = save("105.mat", cwru(105))
    names = [f"{number}{'x' * 70_000}.mat" for number in range(2 * AHEAD)]
    with Reader() as reader:
        for name, found in zip(names, reader.read_all([Request(name, str(path)) for name in names]), strict=True):
            assert not isinstance(found, DataError)
            assert name in found[0].info.source  # so the reply is as large as the request


def test_a_recording_is_imported_once(save, cwru, tmp_path: Path) -> None:
    save("105.mat", cwru(105))
    save("copy.mat", cwru(105))
    assert outcomes(tmp_path / "files") == {
        "105.mat": "cwru-105",
        "copy.mat": "cwru-105 was imported already, from 105.mat",
    }


def test_a_link_out_of_the_folder_is_not_followed(save, cwru, tmp_path: Path) -> None:
    outside = save("105.mat", cwru(105)).rename(tmp_path / "outside.mat")
    (tmp_path / "files" / "link.mat").symlink_to(outside)
    (tmp_path / "files" / "broken.mat").symlink_to(tmp_path / "files" / "absent")
    os.mkfifo(tmp_path / "files" / "pipe.mat")
    found = outcomes(tmp_path / "files")
    assert found["link.mat"] == "a link that leads out of the folder"
    assert found["broken.mat"] == found["pipe.mat"] == "it is not a regular file"


def test_a_name_that_is_not_utf8_is_reported(save, mfpt, tmp_path: Path) -> None:
    path = save("x.mat", mfpt())
    try:
        path.rename(os.fsdecode(os.fsencode(path.parent) + b"/baseline_\xff.mat"))
    except OSError:
        pytest.skip("this file system takes no such name")
    assert outcomes(tmp_path / "files") == {"baseline_\\udcff.mat": "its name is not UTF-8"}


def test_a_folder_without_files_and_a_path_without_anything_are_said(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no \.mat file in"):
        find_files(tmp_path, Reader())
    with pytest.raises(DataError, match="does not exist"):
        find_files(tmp_path / "absent", Reader())


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "huge.mat"
    with path.open("wb") as file:
        file.truncate(recorded_file.MAX_FILE_BYTES + 1)
    with pytest.raises(DataError, match="at most 512 are read"):
        formats.variables(path)


def test_a_decompression_bomb_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "bomb.mat"
    bomb = {"bomb": np.zeros(12_500_000), "Data": np.arange(300.0)}
    scipy.io.savemat(path, bomb, do_compression=True)
    assert path.stat().st_size < 200_000
    found = {variable.name: variable for variable in formats.variables(path)}
    with pytest.raises(DataError, match="decompress to more than"):
        formats.read(path, [found["bomb"]])
    # One that nobody asks for is not unpacked.
    assert formats.read(path, [found["Data"]])["Data"].size == 300


def test_a_small_file_that_claims_a_huge_array_is_not_read(save, uestc) -> None:
    path = save("N_800_1.mat", uestc())
    content = bytearray(path.read_bytes())
    shape = np.array([300, 1], "<i4").tobytes()
    at = content.index(shape)
    content[at : at + 8] = np.array([2**31 - 1, 2**31 - 1], "<i4").tobytes()
    path.write_bytes(content)
    with pytest.raises(DataError, match="its variables claim"):
        convert_file(path)


def test_a_v73_file_of_a_known_layout_is_read_and_another_is_refused_with_the_reason(tmp_path: Path) -> None:
    signal = np.arange(300.0)
    files: dict[str, dict[str, object]] = {
        "N_800_1.mat": {"Data": signal[None, :], "SampleFrequency": [[20000.0]]},
        "x.mat": {"y": [[1.0]]},
    }
    for name, variables in files.items():
        with h5py.File(tmp_path / name, "w", userblock_size=512) as file:
            for variable, value in variables.items():
                file[variable] = value
                file[variable].attrs["MATLAB_class"] = np.bytes_("double")
        with (tmp_path / name).open("r+b") as raw:
            raw.write(b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM")
    found = outcomes(tmp_path)
    assert found["N_800_1.mat"] == "uestc-N_800_1"
    assert "none of the layouts" in found["x.mat"]


def test_bytes_that_are_no_letters_are_not_called_a_text(tmp_path: Path) -> None:
    path = tmp_path / "odd.mat"
    path.write_bytes(b"\xff\xfe" * 200)
    with pytest.raises(DataError, match="damaged, or no MATLAB file"):
        formats.variables(path)


def test_a_pointer_of_git_lfs_is_named_as_one(tmp_path: Path) -> None:
    path = tmp_path / "105.mat"
    path.write_text(
        f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0' * 64}\nsize 2911234\n", encoding="ascii"
    )
    with pytest.raises(DataError, match="pointer of Git LFS"):
        formats.variables(path)
