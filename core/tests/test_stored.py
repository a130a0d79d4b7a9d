"""What a row keeps of a file: its seal, and where below the home it lies."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from pfd import ArtifactError, DataError, Seal, StoredFile, home_path, home_relative
from pfd.stored import sha256_of


class Counting:
    """Digests files, and counts how often."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self, path: Path) -> str:
        self.times += 1
        return sha256_of(path)


def stored(path: Path, seal: Seal | None, digest: Any = sha256_of) -> StoredFile:
    return StoredFile("table of set 1", path.parent, path.name, seal, "make it again", digest)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "file").write_bytes(b"as it was written")
    return tmp_path / "file"


def test_a_file_whose_size_and_times_are_as_they_were_is_not_read(path: Path) -> None:
    digest = Counting()
    assert stored(path, Seal.of(path), digest).intact() == path
    assert digest.times == 0


def test_a_copy_is_digested_once_a_process_however_often_it_is_opened(path: Path) -> None:
    seal, digest = Seal.of(path), Counting()
    shutil.copyfile(path, path.with_name("copy"))
    path.with_name("copy").replace(path)
    file = stored(path, seal, digest)
    for _ in range(3):
        file.intact()
    assert digest.times == 1
    assert file.verify()
    assert digest.times == 2


@pytest.mark.parametrize("content", [b"as it was writteN", b"another length", b""])
def test_a_file_of_other_content_is_named_with_what_to_do(path: Path, content: bytes) -> None:
    seal, times = Seal.of(path), path.stat()
    path.write_bytes(content)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    for use in (stored(path, seal).intact, stored(path, seal).verify):
        with pytest.raises(DataError, match=r"file, the table of set 1, has been changed") as raised:
            use()
        assert raised.value.hint == "make it again"


def test_a_file_that_is_gone_is_named_with_what_to_do(path: Path) -> None:
    seal = Seal.of(path)
    path.unlink()
    with pytest.raises(DataError, match="No such file") as raised:
        stored(path, seal).intact()
    assert raised.value.hint == "make it again"


def test_a_sparse_file_of_a_terabyte_in_its_place_is_not_read_to_its_end(path: Path) -> None:
    seal, digest = Seal.of(path), Counting()
    os.truncate(path, 2**40)
    with pytest.raises(DataError, match="has been changed"):
        stored(path, seal, digest).verify()
    assert digest.times == 0


def test_a_row_without_a_seal_is_taken_at_its_word_and_verifies_as_unknown(path: Path) -> None:
    assert stored(path, None).intact() == path
    assert stored(path, None).verify() is False


@pytest.mark.parametrize(
    "found",
    [None, 7, [], {}, {"size": 1}, {"size": "1", "mtime_ns": 1, "ctime_ns": 1, "sha256": "a"}, {"size": True}],
)
def test_json_of_a_row_that_is_no_seal_is_none(found: object) -> None:
    assert Seal.from_json(found) is None


def test_a_seal_comes_back_from_its_json(path: Path) -> None:
    seal = Seal.of(path)
    assert Seal.from_json(seal.to_json()) == seal


@pytest.mark.parametrize("name", ["/etc/passwd", "..", "../x", "a/../../x", "", "a\0b"])
def test_a_path_that_leaves_the_home_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError, match="not a path within"):
        home_path(tmp_path, name)


def test_a_path_is_kept_relative_to_the_home(tmp_path: Path) -> None:
    assert home_relative(tmp_path, tmp_path / "a" / "b") == "a/b"
    assert home_path(tmp_path, "a/b") == tmp_path / "a" / "b"
    with pytest.raises(ArtifactError, match="does not lie in PFD_HOME"):
        home_relative(tmp_path / "home", tmp_path / "elsewhere")
