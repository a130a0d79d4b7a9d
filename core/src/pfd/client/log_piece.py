"""A piece of a log, for programs that show it as it grows."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from pfd.errors import ParameterError, shown
from pfd.job import Job
from pfd.logs.log_file import log_path
from pfd.logs.log_reader import LogReader

_CURSOR = re.compile(r"(\d{1,18}):(\d{1,18}):(\d{0,18})")


class LogPiece(NamedTuple):
    """What was printed, and a cursor from which what comes after it is read.

    A line in it stands for bytes that were not kept.
    """

    data: bytes
    cursor: str


def read_piece(home: Path, job: Job, since: str, most: int) -> LogPiece:
    """What the latest run of a job has printed behind a cursor, about `most` bytes of it.

    Of a run that is later than the cursor's it is read from the beginning.

    Raises
    ------
    ParameterError : `since` is no such cursor.
    """
    claim, at, head = _place(since)
    if claim != (job.claim or 0):
        at, head = 0, None
    reader = LogReader(log_path(home, job), at, head)
    data = bytearray()
    for piece in reader.read():
        data += piece
        if len(data) >= most:
            break
    return LogPiece(bytes(data), f"{job.claim or 0}:{reader.at}:{'' if reader.head is None else reader.head}")


def _place(since: str) -> tuple[int, int, int | None]:
    if since == "":
        return 0, 0, None
    match = _CURSOR.fullmatch(str(since))
    if match is None:
        raise ParameterError(f"since={shown(since)} is no cursor of a log", hint="give the one that was read last")
    return int(match[1]), int(match[2]), int(match[3]) if match[3] else None
