"""The log of a job on the disk: what is kept of how much, at each moment, and how it is read on."""

from __future__ import annotations

import errno
import os
import random
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.tests.support.stores import make_settings
from pfd import Settings, State
from pfd.job import Job
from pfd.logs.log_file import LogFile, log_path
from pfd.logs.log_reader import LogReader, logs

MOST = 8192
HALF = MOST // 2
LEFT_OUT = re.compile(rb"\n\.\.\. (\d+) bytes left out \.\.\.\n")


@pytest.fixture
def limited(tmp_path: Path) -> Settings:
    return make_settings(tmp_path / "home", max_log_bytes=MOST)


JOB = "6b1c7e0a-6f0a-4f0e-9d55-2f1f4a7c9d11"


@pytest.fixture
def job() -> Job:
    return Job(
        seq=1, id=JOB, task="add", queue="default", state=State.STARTED, priority=0, progress=0.0, status="",
        created_at=0.0, due_at=0.0, started_at=0.0, ended_at=None, attempt=1, lost=0, claim=7, owner="me",
        cancel_requested=False, parent_id=None, level=0, retry_of=None, key=None, client_id=None, waiting=0,
    )  # fmt: skip


@pytest.fixture
def path(limited: Settings, job: Job) -> Path:
    return log_path(limited.home, job)


def printed(seed: int) -> Iterator[bytes]:
    """Pieces of numbered bytes, of lengths from one to more than a whole log."""
    draw = random.Random(seed)
    count = 0
    for _ in range(draw.randint(1, 60)):
        length = draw.choice((1, 10, 100, 1000, HALF - 1, HALF, HALF + 1, 3 * MOST))
        text = b"".join(b"%07d\n" % number for number in range(count // 8, (count + length) // 8 + 1))
        yield text[count % 8 : count % 8 + length]
        count += length


def whole(path: Path) -> bytes:
    return b"".join(LogReader(path).read())


def in_folder(path: Path) -> int:
    return sum(entry.stat().st_size for entry in path.parent.iterdir())


@pytest.mark.parametrize("seed", range(20))
def test_head_and_newest_bytes_are_on_the_disk_at_every_moment(
    seed: int, limited: Settings, job: Job, path: Path
) -> None:
    everything = b""
    with LogFile(limited, job) as file:
        for piece in printed(seed):
            file.write(piece)
            everything += piece
            found = whole(path)
            assert found.startswith(everything[:HALF])
            assert found.endswith(everything[-HALF:])
            assert in_folder(path) <= MOST * 3 // 2
    kept = everything
    if len(everything) > MOST:
        kept = everything[:HALF] + b"\n... %d bytes left out ...\n" % (len(everything) - MOST) + everything[-HALF:]
    assert path.read_bytes() == whole(path) == kept
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("seed", range(20))
def test_who_follows_reads_each_byte_once_and_is_told_how_many_were_left_out(
    seed: int, limited: Settings, job: Job, path: Path
) -> None:
    draw = random.Random(seed)
    reader = LogReader(path)
    everything, shown = b"", b""
    with LogFile(limited, job) as file:
        for piece in printed(seed):
            file.write(piece)
            everything += piece
            if draw.random() < 0.5:
                shown += b"".join(reader.read())
                assert shown.endswith(everything[-HALF:])
    shown += b"".join(reader.read())
    assert b"".join(reader.read()) == b""
    parts = LEFT_OUT.split(shown)
    position = 0
    for text, gap in zip(parts[::2], [*parts[1::2], b"0"], strict=True):
        assert everything[position : position + len(text)] == text
        position += len(text) + int(gap)
    assert position == len(everything)


def test_a_log_that_fits_is_followed_without_a_word_left_out(limited: Settings, job: Job, path: Path) -> None:
    reader = LogReader(path)
    shown = b"".join(reader.read())
    with LogFile(limited, job) as file:
        for number in range(MOST // 8):
            file.write(b"%07d\n" % number)
            if number % 5 == 0:
                shown += b"".join(reader.read())
    shown += b"".join(reader.read())
    assert shown == path.read_bytes() == b"".join(b"%07d\n" % number for number in range(MOST // 8))


def test_a_log_whose_writer_was_killed_holds_the_newest_lines(limited: Settings, job: Job, path: Path) -> None:
    file = LogFile(limited, job)  # never closed
    file.write(b"first line\n" + b"x" * 10 * MOST + b"\nlast line\n")
    assert logs(path.parent) == {7: path}
    found = whole(path)
    assert found.startswith(b"first line\n")
    assert LEFT_OUT.search(found)
    assert found.endswith(b"\nlast line\n")


def test_a_crash_while_the_parts_are_put_together_shows_nothing_twice(
    limited: Settings, job: Job, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = LogFile(limited, job)
    file.write(bytes(range(256)) * (2 * MOST // 256))
    before = whole(path)

    def crash(*_: object, **__: object) -> None:
        raise SystemExit("killed")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", crash)
        with pytest.raises(SystemExit):
            file.__exit__()
    assert path.stat().st_size > HALF
    assert whole(path) == before


def test_other_files_in_the_folder_are_no_logs(path: Path) -> None:
    path.parent.mkdir(parents=True)
    for name in ("7.log", "12.4096.9000.tail", "notes.log", "7.log.bak", "x.1.2.tail", "7.tail", "8.1.tail"):
        (path.parent / name).touch()
    assert logs(path.parent) == {7: path, 12: path.with_name("12.log")}
    assert logs(path.parent / "absent") == {}


def test_a_disk_that_is_full_for_a_while_costs_what_was_printed_then_and_no_more(
    limited: Settings, job: Job, path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    write, full, now = os.write, False, 1000.0

    def limited_write(file: int, data: bytes) -> int:
        if full:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(file, data)

    monkeypatch.setattr(os, "write", limited_write)
    monkeypatch.setattr("time.monotonic", lambda: now)
    with LogFile(limited, job) as file:
        file.write(b"before ")
        full = True
        for _ in range(5):
            now += 10
            file.write(b"lost ")
        full = False
        file.write(b"too soon ")
        now += 10
        file.write(b"after")
        assert whole(path) == b"before \n... 34 bytes left out ...\nafter"
    assert whole(path) == path.read_bytes() == b"before \n... 34 bytes left out ...\nafter"
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "No space left" in caplog.text


def test_a_folder_that_cannot_be_made_is_said_once_and_is_no_error(
    limited: Settings, job: Job, caplog: pytest.LogCaptureFixture
) -> None:
    limited.home.mkdir()
    (limited.home / "logs").write_text("a file in the way", encoding="utf-8")
    with LogFile(limited, job) as file:
        for _ in range(3):
            file.write(b"x" * MOST)
    assert len(caplog.records) == 1


def test_writing_gigabytes_needs_no_memory(tmp_path: Path) -> None:
    """In a process of its own, whose memory grows by little more than what the imports take."""
    code = f"""
import resource
from core.tests.support.stores import make_settings
from pathlib import Path
from types import SimpleNamespace
from pfd.logs.log_file import LogFile
settings = make_settings(Path({str(tmp_path)!r}))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
with LogFile(settings, SimpleNamespace(id="6b1c7e0a-6f0a-4f0e-9d55-2f1f4a7c9d11", claim=1)) as file:
    piece = b"x" * 65536
    for _ in range(2**30 // 65536):
        file.write(piece)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=Path.cwd())
    assert done.returncode == 0, done.stderr
    kibibytes = int(done.stdout) / (1024 if sys.platform == "darwin" else 1)
    assert kibibytes < 16 * 1024
    assert (tmp_path / "logs" / JOB / "1.log").stat().st_size < 2**20 + 100
