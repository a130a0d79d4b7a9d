"""Making buffers number 0, 1, 2, … in several processes, and taking them in that order."""

from __future__ import annotations

import contextlib
import itertools
import json
import mmap
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Generator, Sequence
from multiprocessing.connection import Connection
from typing import Any

from pfd import DataError, PfdError, WorkerLost

PATIENCE = 5.0
"""Seconds that a process which was ended may take to be gone."""

SLOT = 4 << 20
"""Bytes of one result that fit into the memory that two processes share; a larger one goes by the pipe."""

SLOTS = 2
"""A process may be so many results ahead of those that were taken."""

Buffer = bytes | memoryview
Make = Callable[[int], Sequence[Buffer]]


def ordered(make: Make, count: int, processes: int) -> Generator[Sequence[Buffer]]:
    """`make(0)`, `make(1)`, … up to `count`, each some buffers of bytes, made by `processes` at once.

    They are dealt out in turn, so each process knows its own and no result waits for more than its neighbours; one
    that is ahead waits until its results are taken, so memory does not grow.  Processes are forked, so that nothing
    of `make` has to be sent; where the system cannot, all is done here.  However the iteration ends, the processes
    are gone after it.  The way between them has its price each time: what is small is better made several at a time.

    Raises
    ------
    WorkerLost : a process has ended before its work was done.
    DataError : `make` raised it.
    RuntimeError : `make` raised something else, which it names.
    """
    processes = min(processes, count)
    if processes < 2 or sys.platform != "linux":
        yield from map(make, range(count))
        return
    fork = multiprocessing.get_context("fork")
    with contextlib.ExitStack() as stack:
        lines: list[_Line] = []
        for place in range(processes):
            here, there = fork.Pipe()
            line = _Line(here)
            stack.callback(here.close)
            process = fork.Process(
                target=_work,
                args=(make, range(place, count, processes), line.other_end(there), [*lines, line], os.getpid()),
                daemon=True,
            )
            process.start()
            there.close()
            stack.callback(_end, process)
            lines.append(line)
        for number in range(count):
            yield lines[number % processes].take()


class _Line:
    """The way of buffers from one process to another: a pipe, and shared memory for what fits.

    A pipe takes 64 KiB at a time and has both processes wait for each other, so that it carries little but the sizes.
    """

    def __init__(self, connection: Connection, shared: mmap.mmap | None = None) -> None:
        self.connection = connection
        self._memory = shared or mmap.mmap(-1, SLOTS * SLOT)
        self._number = 0

    def other_end(self, connection: Connection) -> _Line:
        return _Line(connection, self._memory)

    def put(self, made: Sequence[Buffer]) -> None:
        if self._number >= SLOTS:
            self.connection.recv_bytes()  # the slot is free
        start = self._next_slot()
        sizes = list(map(len, made))
        fits = sum(sizes) <= SLOT
        for buffer in made if fits else ():
            self._memory[start : start + len(buffer)] = buffer
            start += len(buffer)
        self._say({"sizes": sizes, "fits": fits})
        for buffer in () if fits else made:
            self.connection.send_bytes(buffer)

    def fail(self, error: Exception) -> None:
        hint = error.hint if isinstance(error, PfdError) else None
        self._say({"error": type(error).__name__, "message": str(error), "hint": hint})

    def take(self) -> list[Buffer]:
        """What the other end has put.  A copy: the memory is written again while it may be kept."""
        start = self._next_slot()
        try:
            told = json.loads(self.connection.recv_bytes())
            if "error" in told:
                raise _error(**told)
            sizes = told["sizes"]
            made: list[Buffer]
            if told["fits"]:
                whole = memoryview(self._memory[start : start + sum(sizes)])
                ends = list(itertools.accumulate(sizes))
                made = [whole[end - size : end] for size, end in zip(sizes, ends, strict=True)]
            else:
                made = [self.connection.recv_bytes() for _ in sizes]
        except (EOFError, ConnectionResetError):
            raise WorkerLost(
                "a process that generates recordings was killed", hint="the machine may be short of memory; try again"
            ) from None
        with contextlib.suppress(OSError):  # it has done all that it had to, and is gone
            self.connection.send_bytes(b"free")
        return made

    def _next_slot(self) -> int:
        start = self._number % SLOTS * SLOT
        self._number += 1
        return start

    def _say(self, message: dict[str, Any]) -> None:
        self.connection.send_bytes(json.dumps(message).encode())


def _error(error: str, message: str, hint: str | None) -> Exception:
    return DataError(message, hint=hint) if error == "DataError" else RuntimeError(f"{error}: {message}")


def _end(process: Any) -> None:
    process.kill()
    process.join(PATIENCE)


def _work(make: Make, numbers: range, line: _Line, others: list[_Line], parent: int) -> None:
    """What a forked process does; it ends with what it was told, or with the one that started it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the one that started it
    for other in others:  # else a pipe that its reader has left would never break
        other.connection.close()
    with contextlib.suppress(OSError, EOFError):
        for number in numbers:
            if os.getppid() != parent:
                return
            try:
                made = make(number)
            except Exception as error:
                line.fail(error)
                return
            line.put(made)
            del made  # the next needs the room
