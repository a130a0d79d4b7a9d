"""The log of a job: what its process printed and logged, head and tail kept, however much there was.

The head goes to `<claim>.log` as it comes.  What comes after it goes to tail files of at most the same size, of which
the newest two are kept; at the end the newest bytes of those are added to the head, and there is one file.  So what a
job printed last is on the disk at any time, also when its worker is killed; `pfd.logs.log_reader` reads a log in
each of these shapes.
"""

from __future__ import annotations

import functools
import logging
import os
import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from pfd.artifacts import job_folder
from pfd.job import Job
from pfd.modes import fit, make_folder, new_file_mode
from pfd.settings import Settings

log = logging.getLogger("pfd.worker")

RETRY_AFTER = 1.0
"""Seconds without a further try to write after one that failed."""


def log_path(home: Path, job: Job) -> Path:
    """Where the log of the job's latest run lies.  Raises `ArtifactError` where no job has its id."""
    return job_folder(home, "logs", job.id) / f"{job.claim or 0}.log"


def left_out(number: int) -> bytes:
    """The line that stands for `number` bytes that were not kept."""
    return b"\n... %d bytes left out ...\n" % number


_TAIL = re.compile(r"\d+\.(?P<head>\d+)\.(?P<start>\d+)\.tail")


@dataclass(frozen=True, order=True)
class Tail:
    """A tail file: what was printed from byte `start` on, of a log whose head has `head` bytes.

    Both are in its name, so that nothing has to be written twice, or in a certain order, to be understood.
    """

    start: int
    head: int
    path: Path

    @classmethod
    def create(cls, log_file: Path, head: int, start: int) -> Tail:
        return cls(start, head, log_file.with_name(f"{log_file.stem}.{head}.{start}.tail"))

    @classmethod
    def of(cls, log_file: Path) -> list[Tail]:
        """The tail files of a log that has not been put together yet, the oldest first."""
        paths = log_file.parent.glob(f"{log_file.stem}.*.tail")
        found = [(match, path) for path in paths if (match := _TAIL.fullmatch(path.name))]
        return sorted(cls(int(match["start"]), int(match["head"]), path) for match, path in found)


class LogFile:
    """The log of one run, being written.  No more than one and a half times `max_log_bytes` are on the disk, and no
    more than `max_log_bytes` at the end.

    A disk that is full, or away, does not end a job that may not need any more of it: its log is the lesser loss.
    """

    def __init__(self, settings: Settings, job: Job) -> None:
        self._half = settings.max_log_bytes // 2
        self._home, self._job = settings.home, job
        self._printed = 0
        self._head = 0
        self._head_open = True
        self._tails: list[Tail] = []
        self._size = 0
        self._file: int | None = None
        self._retry_at: float | None = None

    @functools.cached_property
    def path(self) -> Path:
        return log_path(self._home, self._job)

    def __enter__(self) -> Self:
        return self

    def write(self, data: bytes) -> None:
        """Take in what was printed, of any length."""
        if self._retry_at is not None and time.monotonic() < self._retry_at:
            self._printed += len(data)  # left out, as the next tail file says by where it starts
            return
        rest = memoryview(data)
        while rest:
            piece = rest[: self._room()]
            try:
                while piece:
                    done = os.write(self._open(), piece)
                    self._count(done)
                    piece, rest = piece[done:], rest[done:]
            except OSError as error:
                self._fail(error)
                self._printed += len(rest)
                return

    def __exit__(self, *_: object) -> None:
        self._close()
        if not self._tails:
            return
        try:
            self._put_together()
        except OSError as error:
            self._warn(error)  # it is read as it is

    def _room(self) -> int:
        """How many bytes still go to the file at hand; the next file is begun where there is no room."""
        if self._head_open:
            if self._head < self._half:
                return self._half - self._head
            self._head_open = False
            self._close()
        if self._size >= self._half:
            self._close()
        return self._half - self._size

    def _open(self) -> int:
        if self._file is None:
            make_folder(self.path.parent)
            if self._head_open:
                self._file = _append_to(self.path)
            else:
                tail = Tail.create(self.path, self._head, self._printed)
                self._file = _append_to(tail.path)
                self._tails.append(tail)
                while len(self._tails) > 2:
                    self._tails.pop(0).path.unlink(missing_ok=True)
        return self._file

    def _count(self, done: int) -> None:
        self._printed += done
        if self._head_open:
            self._head += done
        else:
            self._size += done

    def _close(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None
        if not self._head_open:
            self._size = 0

    def _fail(self, error: OSError) -> None:
        if not self._head_open and self._file is not None and not self._size:
            self._tails.pop().path.unlink(missing_ok=True)  # of the two that are kept each is to hold something
        # What comes next begins another tail file, whose name says where.
        self._head_open = False
        self._close()
        self._warn(error)
        self._retry_at = time.monotonic() + RETRY_AFTER

    def _warn(self, error: OSError) -> None:
        if self._retry_at is None:
            log.warning("%s cannot be written: %s", self.path, error)

    def _put_together(self) -> None:
        kept = self._newest()
        if kept is None:
            return
        gap = self._printed - len(kept) - self._head
        file = _append_to(self.path)
        try:
            rest = memoryview((left_out(gap) if gap else b"") + kept)
            while rest:
                rest = rest[os.write(file, rest) :]
        except OSError:
            os.ftruncate(file, self._head)
            raise
        finally:
            os.close(file)
        # The older one last: who finds only that one knows that there is more to come, and leaves nothing out.
        for tail in reversed(self._tails):
            tail.path.unlink(missing_ok=True)

    def _newest(self) -> bytes | None:
        """The newest half of `max_log_bytes`; None where a part of that could not be written."""
        content = b""
        for tail in self._tails:
            if tail.start != self._tails[0].start + len(content):
                return None
            content += tail.path.read_bytes()
        return content[-self._half :] if self._tails[0].start + len(content) == self._printed else None


def _append_to(path: Path) -> int:
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, new_file_mode(path.parent))
    fit(path)
    return file
