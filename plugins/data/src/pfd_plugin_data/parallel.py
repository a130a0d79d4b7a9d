"""Making buffers number 0, 1, 2, … in several processes, and taking them in that order."""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import json
import mmap
import multiprocessing
import os
import signal
import sys
from array import array
from collections import deque
from collections.abc import Callable, Generator, Sequence
from multiprocessing.connection import Connection, wait
from typing import Any, Self

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

    One of them is the one that asks: it makes the next itself where the one it waits for is not there, and so has as
    much to do as the others, whatever it does with the results.  One that is ahead waits until its results are taken,
    so memory does not grow.  Processes are forked, so that nothing of `make` has to be sent; where the system cannot,
    all is done here.  However the iteration ends, the processes are gone after it.  The way between them has its
    price each time: what is small is better made several at a time.

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
    with contextlib.ExitStack() as stack:
        numbers = stack.enter_context(_Numbers(count))
        lines: list[_Line] = []
        for _ in range(processes - 1):
            lines.append(_begin(make, numbers, lines, stack))
        here: dict[int, Sequence[Buffer] | Exception] = {}
        there: dict[int, _Line] = {}
        for wanted in range(count):
            while wanted not in here and wanted not in there:
                if _listen(lines, there, seconds=0):
                    continue
                if len(here) < SLOTS and (number := numbers.next()) is not None:
                    here[number] = _attempt(make, number)
                else:
                    _listen(lines, there)
            found = there.pop(wanted).take(wanted) if wanted in there else here.pop(wanted)
            if isinstance(found, Exception):
                raise found
            yield found


class _Numbers:
    """0, 1, 2, … up to `count`, each for the one that asks first: forked processes share their place in a file."""

    def __init__(self, count: int) -> None:
        self._file = os.memfd_create("pfd-numbers")
        with open(self._file, "wb", closefd=False) as file:
            array("q", range(count)).tofile(file)
        os.lseek(self._file, 0, os.SEEK_SET)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._file)

    def next(self) -> int | None:
        """The next one that nobody has; None where there is none left."""
        # The kernel moves the place of such a file without a lock of its own; this one goes with its holder.
        fcntl.lockf(self._file, fcntl.LOCK_EX)
        try:
            read = array("q", os.read(self._file, 8))
        finally:
            fcntl.lockf(self._file, fcntl.LOCK_UN)
        return read[0] if read else None


class _Line:
    """The way of buffers from one process to another: a pipe, and shared memory for what fits.

    A pipe takes 64 KiB at a time and has both processes wait for each other, so that it carries little but the sizes.
    What lies in the memory stays there until it is taken.
    """

    def __init__(self, connection: Connection, shared: mmap.mmap | None = None) -> None:
        self.connection = connection
        self._memory = shared or mmap.mmap(-1, SLOTS * SLOT)
        self._number = 0
        self._told: deque[dict[str, Any]] = deque()
        self._over = False

    def other_end(self, connection: Connection) -> _Line:
        return _Line(connection, self._memory)

    # -- the end that makes -------------------------------------------------------------------------------------

    def put(self, number: int, made: Sequence[Buffer]) -> None:
        if self._number >= SLOTS:
            self.connection.recv_bytes()  # the slot is free
        start = self._next_slot()
        sizes = list(map(len, made))
        fits = sum(sizes) <= SLOT
        for buffer in made if fits else ():
            self._memory[start : start + len(buffer)] = buffer
            start += len(buffer)
        self._say({"number": number, "sizes": sizes, "fits": fits})
        for buffer in () if fits else made:
            self.connection.send_bytes(buffer)

    def fail(self, number: int, error: Exception) -> None:
        self._say({"number": number, "fits": True} | _told(error))

    def end(self) -> None:
        """Say that nothing comes any more."""
        self._say({"number": None})

    # -- the end that takes -------------------------------------------------------------------------------------

    @property
    def is_silent(self) -> bool:
        """Whether it says no more, or not before what it has put into the pipe is taken."""
        return self._over or (bool(self._told) and not self._told[-1]["fits"])

    def hear(self) -> int | None:
        """The number of what was put next; None where that is all."""
        try:
            told = json.loads(self.connection.recv_bytes())
        except (EOFError, OSError):  # the latter where it ended in the middle of a message
            raise _lost() from None
        self._over = told["number"] is None
        if not self._over:
            self._told.append(told)
        return told["number"]  # type: ignore[no-any-return]

    def take(self, number: int) -> list[Buffer] | Exception:
        """What was heard of first.  A copy: the memory is written again while it may be kept."""
        told = self._told.popleft()
        assert told["number"] == number
        if "error" in told:
            return _error(told["error"], told["message"], told["hint"])
        start, sizes = self._next_slot(), told["sizes"]
        made: list[Buffer]
        if told["fits"]:
            whole = memoryview(self._memory[start : start + sum(sizes)])
            made = [whole[end - size : end] for size, end in zip(sizes, itertools.accumulate(sizes), strict=True)]
        else:
            try:
                made = [self.connection.recv_bytes() for _ in sizes]
            except (EOFError, OSError):
                raise _lost() from None
        with contextlib.suppress(OSError):  # it has done all that it had to, and is gone
            self.connection.send_bytes(b"free")
        return made

    def _next_slot(self) -> int:
        start = self._number % SLOTS * SLOT
        self._number += 1
        return start

    def _say(self, message: dict[str, Any]) -> None:
        self.connection.send_bytes(json.dumps(message).encode())


def _listen(lines: Sequence[_Line], there: dict[int, _Line], seconds: float | None = None) -> bool:
    """Note which line each new result is behind; whether there is one."""
    speaking = {line.connection: line for line in lines if not line.is_silent}
    heard = False
    for connection in wait(list(speaking), seconds):
        line = speaking[connection]  # type: ignore[index]
        if (number := line.hear()) is not None:
            there[number] = line
            heard = True
    return heard


def _attempt(make: Make, number: int) -> Sequence[Buffer] | Exception:
    """What is made, or what was raised, for when it is its turn."""
    try:
        return make(number)
    except Exception as error:
        return _error(**_told(error))


def _told(error: Exception) -> dict[str, Any]:
    hint = error.hint if isinstance(error, PfdError) else None
    return {"error": type(error).__name__, "message": str(error), "hint": hint}


def _error(error: str, message: str, hint: str | None) -> Exception:
    return DataError(message, hint=hint) if error == "DataError" else RuntimeError(f"{error}: {message}")


def _lost() -> WorkerLost:
    return WorkerLost(
        "a process that generates recordings was killed", hint="the machine may be short of memory; try again"
    )


def _begin(make: Make, numbers: _Numbers, others: Sequence[_Line], stack: contextlib.ExitStack) -> _Line:
    """Start a process that makes what nobody has begun; it is ended with the stack."""
    fork = multiprocessing.get_context("fork")
    here, there = fork.Pipe()
    line = _Line(here)
    stack.callback(here.close)
    process = fork.Process(
        target=_work, args=(make, numbers, line.other_end(there), [*others, line], os.getpid()), daemon=True
    )
    process.start()
    there.close()
    stack.callback(_end, process)
    return line


def _end(process: Any) -> None:
    process.kill()
    process.join(PATIENCE)


def _work(make: Make, numbers: _Numbers, line: _Line, others: Sequence[_Line], parent: int) -> None:
    """What a forked process does; it ends with what there is to do, or with the one that started it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the one that started it
    for other in others:  # else a pipe that its reader has left would never break
        other.connection.close()
    gone = contextlib.suppress(OSError, EOFError)  # so is then the one that would read
    while os.getppid() == parent and (number := numbers.next()) is not None:
        try:
            made = make(number)
        except Exception as error:
            with gone:
                line.fail(number, error)
            break
        try:
            line.put(number, made)
        except (OSError, EOFError):  # nobody takes it any more
            return
        del made  # the next needs the room
    with gone:
        line.end()
