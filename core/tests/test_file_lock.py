"""A lock on a private file, which lasts as long as anybody has its descriptor."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pfd.file_lock import FileLock


def test_one_has_it_at_a_time(tmp_path: Path) -> None:
    with FileLock(tmp_path / "lock") as first, FileLock(tmp_path / "lock") as second:
        assert first.try_acquire()
        assert first.try_acquire()
        assert not second.try_acquire()
        first.release()
        assert second.try_acquire()


def test_who_has_a_copy_holds_it_when_the_first_has_closed(tmp_path: Path) -> None:
    lock = FileLock(tmp_path / "lock")
    lock.acquire()
    code = "import sys; print(flush=True); sys.stdin.read()"
    held = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, pass_fds=(lock.descriptor,)
    )
    assert held.stdin is not None
    assert held.stdout is not None
    with held:
        held.stdout.readline()
        lock.close()
        with FileLock(tmp_path / "lock", 0) as other:
            assert not other.try_acquire()
            held.stdin.close()
            held.wait(30)
            assert other.try_acquire()


def test_a_file_that_was_removed_is_locked_in_vain(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with FileLock(path) as lock:
        assert lock.is_on(path)
        path.rename(tmp_path / "elsewhere")
        with pytest.raises(FileNotFoundError):
            lock.is_on(path)
        path.touch()
        assert not lock.is_on(path)


def test_without_the_flag_no_file_is_made(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        FileLock(tmp_path / "lock", 0)
    with FileLock(tmp_path / "lock", os.O_CREAT | os.O_EXCL), pytest.raises(FileExistsError):
        FileLock(tmp_path / "lock", os.O_CREAT | os.O_EXCL)
