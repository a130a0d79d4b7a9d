"""Calling a function with 0, 1, 2, … in several processes, and taking the results in that order."""

from __future__ import annotations

import contextlib
import mmap
import multiprocessing
import os
import pickle
import signal
import sys
from collections.abc import Callable, Generator
from multiprocessing.connection import Connection
from typing import Any, TypeVar

from pfd import WorkerLost

T = TypeVar("T")

PATIENCE = 5.0
"""Seconds that a process which was ended may take to be gone."""

SLOT = 4 << 20
"""Bytes that the arrays of one chunk may take in the memory that two processes share; larger ones go by the pipe."""

SLOTS = 2
"""A process may be so many chunks ahead of those that were taken."""


def ordered(function: Callable[[int], T], count: int, processes: int, *, chunk: int = 1) -> Generator[T]:
    """`function(0)`, `function(1)`, … up to `count`, made by `processes` at once.

    The chunks are dealt out in turn, so each process knows its own and no result waits for more than its neighbours;
    one that is ahead waits until its chunks are taken, so memory does not grow.  Processes are forked, so that nothing
    of `function` has to be sent; where the system cannot, all is done here.  However the iteration ends, the processes
    are gone after it.

    Raises
    ------
    WorkerLost : a process has ended before its work was done.
    Exception : what `function` raised.
    """
    chunks = [range(first, min(first + chunk, count)) for first in range(0, count, chunk)]
    processes = min(processes, len(chunks))
    if processes < 2 or sys.platform != "linux":
        yield from map(function, range(count))
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
                args=(function, chunks[place::processes], _Line(there, line.shared), [*lines, line], os.getpid()),
                daemon=True,
            )
            process.start()
            there.close()
            stack.callback(_end, process)
            lines.append(line)
        for number in range(len(chunks)):
            yield from lines[number % processes].take()


class _Line:
    """The way of results from one process to another: a pipe, and shared memory for their arrays.

    What is pickled stays between a process and its fork; arrays go by memory, since a pipe takes 64 KiB at a time and
    has both processes wait for each other.
    """

    def __init__(self, connection: Connection, shared: mmap.mmap | None = None) -> None:
        self.connection = connection
        self.shared = shared or mmap.mmap(-1, SLOTS * SLOT)
        self._number = 0

    def put(self, results: list[Any]) -> None:
        if self._number >= SLOTS:
            self.connection.recv_bytes()  # the slot is free
        start = self._number % SLOTS * SLOT
        self._number += 1
        buffers: list[pickle.PickleBuffer] = []
        text = pickle.dumps(results, protocol=5, buffer_callback=buffers.append)
        views = [buffer.raw() for buffer in buffers]
        if sum(len(view) for view in views) > SLOT:
            self.connection.send((results, None, []))
            return
        places = []
        for view in views:
            self.shared[start : start + len(view)] = view
            places.append((start, len(view)))
            start += len(view)
        self.connection.send((text, None, places))

    def fail(self, error: Exception) -> None:
        self.connection.send(([], error, []))

    def take(self) -> Any:
        try:
            found, error, places = self.connection.recv()
        except (EOFError, ConnectionResetError):
            raise WorkerLost(
                "a process that generates recordings was killed", hint="the machine may be short of memory; try again"
            ) from None
        if error is not None:
            raise error
        if isinstance(found, bytes):
            # Copied out, since the memory is written again while the results may be kept.
            shared = memoryview(self.shared)
            arrays = [bytearray(shared[start : start + length]) for start, length in places]
            found = pickle.loads(found, buffers=arrays)  # noqa: S301  (from a process that was forked here)
        with contextlib.suppress(OSError):  # it has done all that it had to, and is gone
            self.connection.send_bytes(b"free")
        return found


def _end(process: Any) -> None:
    process.kill()
    process.join(PATIENCE)


def _work(function: Callable[[int], T], chunks: list[range], line: _Line, others: list[_Line], parent: int) -> None:
    """What a forked process does; it ends with what it was told, or with the one that started it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the one that started it
    for other in others:  # else a pipe that its reader has left would never break
        other.connection.close()
    with contextlib.suppress(OSError, EOFError):
        for chunk in chunks:
            if os.getppid() != parent:
                return
            try:
                results = [function(number) for number in chunk]
            except Exception as error:
                line.fail(error)
                return
            line.put(results)
