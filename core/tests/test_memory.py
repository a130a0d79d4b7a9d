"""What counts as memory of a job's processes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pfd.runner.memory import SHARED, TreeMemory

MIB = 2**20
SIZE = 12 * MIB
"""What a test writes; a container may have 64 MiB of shared memory."""

NEARLY = SIZE - MIB
BESIDE = 3 * MIB
"""What an interpreter may need meanwhile for itself."""

pytestmark = pytest.mark.skipif(not Path(SHARED).is_dir(), reason="needs /dev/shm")

_OBEY = """
import mmap, os, sys
block = b"x" * 2**20
for line in sys.stdin:
    exec(line)
    print("done", flush=True)
"""


class Program:
    """An interpreter that does what it is told, and what its processes use."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-S", "-c", _OBEY], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.do("pass")
        self.memory = TreeMemory(self._process.pid)
        self._before = self.memory.used(0)

    def do(self, line: str) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        assert self._process.stdout.readline() == "done\n"

    @property
    def more(self) -> int:
        """Bytes in use beyond what was when it began."""
        return self.memory.used(0) - self._before

    def end(self) -> None:
        self._process.kill()
        self._process.communicate()


@pytest.fixture
def program() -> Iterator[Program]:
    made = Program()
    yield made
    made.end()


@pytest.fixture
def shared(tmp_path: Path) -> Iterator[Path]:
    """A file of shared memory that is not there yet."""
    path = Path(SHARED, f"pfd-test-{tmp_path.name}-{id(tmp_path)}")
    yield path
    if path.is_file():
        path.unlink()


WRITE = f"[os.write(fd, block) for _ in range({SIZE // MIB})]"


def test_a_file_that_has_no_name_counts_for_as_long_as_it_is_open(program: Program) -> None:
    program.do(f"fd = os.memfd_create('x'); {WRITE}")
    assert NEARLY < program.more < SIZE + BESIDE
    program.do("os.close(fd)")
    assert program.more < BESIDE


def test_a_file_counts_once_however_many_have_it_open_and_whether_or_not_it_is_mapped(program: Program) -> None:
    program.do(f"fd = os.memfd_create('x'); {WRITE}; other = os.dup(fd)")
    program.do(f"m = mmap.mmap(fd, {SIZE}); len(bytes(m[:{SIZE // 2}])); child = os.fork() or sys.stdin.read()")
    assert NEARLY < program.more < SIZE + 2 * BESIDE


def test_a_file_that_was_closed_counts_until_it_is_removed(program: Program, shared: Path) -> None:
    program.do(f"fd = os.open({str(shared)!r}, os.O_WRONLY | os.O_CREAT); {WRITE}")
    program.memory.glance()
    program.do("os.close(fd)")
    assert NEARLY < program.more < SIZE + BESIDE
    shared.unlink()
    assert program.more < BESIDE


def test_a_file_that_was_removed_counts_until_it_is_closed(program: Program, shared: Path) -> None:
    program.do(f"fd = os.open({str(shared)!r}, os.O_WRONLY | os.O_CREAT); {WRITE}; os.unlink({str(shared)!r})")
    assert NEARLY < program.more < SIZE + BESIDE
    program.do("os.close(fd)")
    assert program.more < BESIDE


def test_a_file_of_others_does_not_count_where_it_is_read_and_only_what_is_added_where_it_is_written(
    shared: Path,
) -> None:
    shared.write_bytes(b"y" * SIZE)
    program = Program()
    try:
        program.do(f"fd = os.open({str(shared)!r}, os.O_RDONLY); len(os.read(fd, 2**20))")
        assert program.more < BESIDE
        program.do(f"fd = os.open({str(shared)!r}, os.O_RDWR | os.O_APPEND); {WRITE}")
        assert NEARLY < program.more < SIZE + BESIDE
    finally:
        program.end()


def test_an_older_file_in_a_folder_of_shared_memory_does_not_count_for_a_byte_that_is_written(shared: Path) -> None:
    shared.mkdir()
    file = shared / "large"
    file.write_bytes(b"y" * SIZE)
    program = Program()
    try:
        program.do(f"fd = os.open({str(file)!r}, os.O_RDWR); os.write(fd, b'x')")
        assert program.more < BESIDE
    finally:
        program.end()
        file.unlink()
        shared.rmdir()
