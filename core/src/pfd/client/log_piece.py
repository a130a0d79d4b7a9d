"""A piece of a log, for programs that show it as it grows."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from pfd.cursors import place
from pfd.errors import ParameterError
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
    ParameterError : `since` is no such cursor, or one of another log.
    """
    claim, at, head = place(since, _CURSOR, "a log") or (0, 0, -1)
    if claim != (job.claim or 0):
        at, head = 0, -1
    reader = LogReader(log_path(home, job), at, None if head < 0 else head)
    if claim > (job.claim or 0) or reader.is_beyond():
        raise ParameterError(f"since={since} is of another log", hint="begin anew, with an empty cursor")
    data = bytearray()
    for piece in reader.read():
        data += piece
        if len(data) >= most:
            break
    return LogPiece(bytes(data), f"{job.claim or 0}:{reader.at}:{'' if reader.head is None else reader.head}")
