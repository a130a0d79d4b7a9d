"""Calling a function with 0, 1, 2, … in several processes, and taking the results in that order."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Generator
from multiprocessing.connection import Connection
from typing import Any, TypeVar

from pfd import WorkerLost

T = TypeVar("T")

PATIENCE = 5.0
"""Seconds that a process which was ended may take to be gone."""


def ordered(function: Callable[[int], T], count: int, processes: int, *, chunk: int = 1) -> Generator[T]:
    """`function(0)`, `function(1)`, … up to `count`, made by `processes` at once.

    The chunks are dealt out in turn, so each process knows its own and no result waits for more than its neighbours;
    one that is ahead waits until its last chunk is taken, so memory does not grow.  Processes are forked, so that
    nothing of `function` has to be sent; where the system cannot, all is done here.  However the iteration ends, the
    processes are gone after it.

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
        ends: list[Connection] = []
        for place in range(processes):
            here, there = fork.Pipe(duplex=False)
            stack.callback(here.close)
            process = fork.Process(
                target=_work, args=(function, chunks[place::processes], there, [*ends, here], os.getpid()), daemon=True
            )
            process.start()
            there.close()
            stack.callback(_end, process)
            ends.append(here)
        for number in range(len(chunks)):
            yield from _taken(ends[number % processes])


def _taken(end: Connection) -> Any:
    try:
        results, error = end.recv()
    except EOFError:
        raise WorkerLost(
            "a process that generates recordings was killed", hint="the machine may be short of memory; try again"
        ) from None
    if error is not None:
        raise error
    return results


def _end(process: Any) -> None:
    process.kill()
    process.join(PATIENCE)


def _work(
    function: Callable[[int], T], chunks: list[range], end: Connection, others: list[Connection], parent: int
) -> None:
    """What a forked process does; it ends with what it was told, or with the one that started it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the one that started it
    for other in others:  # else a pipe that its reader has left would never break
        other.close()
    with contextlib.suppress(BrokenPipeError):
        for chunk in chunks:
            if os.getppid() != parent:
                return
            try:
                message = ([function(number) for number in chunk], None)
            except Exception as error:
                end.send(([], error))
                return
            end.send(message)
