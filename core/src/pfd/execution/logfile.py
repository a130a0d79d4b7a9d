"""The log of a job: what its process printed and logged, head and tail kept, however much there was."""

from __future__ import annotations

import functools
import logging
import os
from collections import deque
from pathlib import Path
from typing import Self

from pfd.job import Job
from pfd.settings import Settings

log = logging.getLogger("pfd.execution")


def log_path(home: Path, job: Job) -> Path:
    """Where the log of the job's latest run lies."""
    return home / "logs" / job.id / f"{job.claim or 0}.log"


class LogFile:
    """Written as it comes up to half of `max_log_bytes`; of the rest the newest half is kept, and added at the end."""

    def __init__(self, settings: Settings, job: Job) -> None:
        self._half = settings.max_log_bytes // 2
        self._home, self._job = settings.home, job
        self._written = 0
        self._tail: deque[bytes] = deque()
        self._tail_size = 0
        self._left_out = 0
        self._file: int | None = None
        self._broken = False

    @functools.cached_property
    def path(self) -> Path:
        return log_path(self._home, self._job)

    def __enter__(self) -> Self:
        return self

    def write(self, data: bytes) -> None:
        head = data[: max(0, self._half - self._written)]
        if head:
            self._append(head)
            self._written += len(head)
        if rest := data[len(head) :]:
            self._tail.append(rest)
            self._tail_size += len(rest)
            while self._tail_size - len(self._tail[0]) >= self._half:
                dropped = len(self._tail.popleft())
                self._tail_size -= dropped
                self._left_out += dropped

    def __exit__(self, *_: object) -> None:
        if self._left_out:
            self._append(b"\n... %d bytes left out ...\n" % self._left_out)
        for part in self._tail:
            self._append(part)
        if self._file is not None:
            os.close(self._file)

    def _append(self, data: bytes) -> None:
        try:
            if self._file is None:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                self._file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
            os.write(self._file, data)
        except OSError as error:
            # A full disk must not end a job that may not need any more of it: its log is the lesser loss.
            if not self._broken:
                log.warning("%s cannot be written: %s", self.path, error)
            self._broken = True
