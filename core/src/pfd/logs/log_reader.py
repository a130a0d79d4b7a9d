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

    def is_beyond(self) -> bool:
        """Whether it stopped behind all that there is: in another log, since nothing that was printed is taken back."""
        for _ in range(TRIES):
            tails = Tail.of(self._path)
            try:
                newest = tails[-1].start + tails[-1].path.stat().st_size if tails else self._end_of_one_file()
            except FileNotFoundError:  # they are put together just now
                continue
            if self.at <= newest:
                return False
            if tails == Tail.of(self._path):
                return True
        return False

    def _end_of_one_file(self) -> int:
        size = self._path.stat().st_size if self._path.exists() else 0
        start, skip = self._behind_the_head() if self.head is not None and self.at > self.head else (0, 0)
        return start + size - skip

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
        try:
            start, skip = self._behind_the_head()
        except FileNotFoundError:
            return
        yield from self._read_from(self._path, start, None, skip=skip)

    def _behind_the_head(self) -> tuple[int, int]:
        """Of a log that has been put together since: what place in it the tail has, and where that lies in the file.

        Behind the head comes the line for what was left out, if any, and then the tail.
        """
        head = self.head or 0
        with self._path.open("rb") as file:
            file.seek(head)
            found = _LEFT_OUT.match(file.read(100))
        return (head + int(found[1]), head + found.end()) if found else (head, head)

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
