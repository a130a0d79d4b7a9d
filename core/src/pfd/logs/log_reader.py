"""Reading the log of a run while it is written, after it was cut off, or when it is whole."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from pfd.logs.log_file import Tail, left_out

PIECE = 1 << 16
TRIES = 5
"""How often a log is looked at again whose files were put together, or made way for newer ones, while it was read."""

_NAME = re.compile(r"(\d+)(\.log|\.\d+\.\d+\.tail)")
_LEFT_OUT = re.compile(rb"\n\.\.\. (\d+) bytes left out \.\.\.\n")


def logs(folder: Path) -> dict[int, Path]:
    """The logs of a job, by claim, in the folder that holds them.  Of one cut short there may be tail files only."""
    found = [match for path in folder.glob("*.*") if (match := _NAME.fullmatch(path.name))]
    return {int(match[1]): folder / f"{match[1]}.log" for match in found}


class LogReader:
    """Reads a log from its beginning, and on from where it stopped, each byte at most once.

    Attributes
    ----------
    at : bytes that were printed up to here.
    head : how many of them lie in the head of a log that was in several files when it was read.
    """

    def __init__(self, path: Path, at: int = 0, head: int | None = None) -> None:
        self._path = path
        self.at = at
        self.head = head

    def read(self) -> Iterator[bytes]:
        """What there is that was not read before; a line stands for what was not kept."""
        for _ in range(TRIES):
            tails = Tail.of(self._path)
            if not tails:
                yield from self._read_one_file()
                return
            self.head = tails[0].head
            yield from self._read_from(self._path, 0, self.head)
            for tail in tails:
                yield from self._read_from(tail.path, tail.start, None)
            if tails == Tail.of(self._path):
                return

    def _read_one_file(self) -> Iterator[bytes]:
        if self.head is None or self.at <= self.head:
            yield from self._read_from(self._path, 0, None)
            return
        # It has been put together since: behind the head comes the line, if any, and then the tail.
        try:
            with self._path.open("rb") as file:
                file.seek(self.head)
                found = _LEFT_OUT.match(file.read(100))
        except FileNotFoundError:
            return
        start, length = (self.head + int(found[1]), found.end()) if found else (self.head, 0)
        yield from self._read_from(self._path, start, None, skip=self.head + length)

    def _read_from(self, path: Path, start: int, end: int | None, *, skip: int = 0) -> Iterator[bytes]:
        """Read a file that holds what was printed from `start` on, behind `skip` bytes of its own."""
        try:
            file = path.open("rb")
        except FileNotFoundError:
            return
        with file:
            size = file.seek(0, os.SEEK_END) - skip
            if self.at >= (start + size if end is None else end):
                return
            if start > self.at:
                gap, self.at = start - self.at, start
                yield left_out(gap)
            file.seek(skip + self.at - start)
            while piece := file.read(PIECE if end is None else min(PIECE, end - self.at)):
                self.at += len(piece)
                yield piece
