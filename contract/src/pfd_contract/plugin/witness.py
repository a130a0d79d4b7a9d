"""Notes of the runs of a job, kept outside the job table: files under `PFD_HOME/witness`.

A run holds a lock on its job's file for as long as anything of it lives, since what it forks holds the lock as well.
A second run that finds the file locked notes `overlap`.  Lines are appended whole, one JSON object each.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pfd import TaskContext


@dataclass(frozen=True)
class Sight:
    """One note.  `at` is in seconds of the machine's monotonic clock, the same for all its processes."""

    what: str
    claim: int
    attempt: int
    pid: int
    at: float
    detail: str = ""


class Witness:
    """What a run notes of itself.  `lock` is the descriptor that holds the lock."""

    def __init__(self, context: TaskContext) -> None:
        folder = witness_folder(context.settings.home)
        folder.mkdir(parents=True, exist_ok=True)
        self._context = context
        self._notes = folder / f"{context.job_id}.notes"
        self.lock = os.open(folder / f"{context.job_id}.lock", os.O_RDWR | os.O_CREAT, 0o644)

    def note(self, what: str, detail: object = "") -> None:
        sight = Sight(what, self._context.claim, self._context.attempt, os.getpid(), time.monotonic(), str(detail))
        fd = os.open(self._notes, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            os.write(fd, json.dumps(asdict(sight)).encode() + b"\n")
        finally:
            os.close(fd)

    def noted(self, what: str) -> int:
        """How often any run of this job has noted this."""
        return sum(sight.what == what for sight in _read(self._notes))

    def runs_so_far(self) -> int:
        """How many runs of this job have begun, this one among them."""
        return self.noted("begins")


@contextlib.contextmanager
def witnessed(context: TaskContext) -> Iterator[Witness]:
    """Note a run from its beginning to its end."""
    witness = Witness(context)
    try:
        try:
            fcntl.flock(witness.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            witness.note("overlap")
        witness.note("begins")
        yield witness
    except BaseException as error:
        witness.note("raises", type(error).__name__)
        raise
    else:
        witness.note("ends")
    finally:
        os.close(witness.lock)


def witness_folder(home: Path) -> Path:
    return home / "witness"


def read_notes(home: Path, job_id: str) -> list[Sight]:
    """What the runs of a job have noted, oldest first."""
    return _read(witness_folder(home) / f"{job_id}.notes")


def _read(path: Path) -> list[Sight]:
    if not path.exists():
        return []
    *whole, _ = path.read_text(encoding="utf-8").split("\n")  # what has no end of line is still being written
    return [Sight(**json.loads(line)) for line in whole]
