"""The standard streams of a command: its output belongs to the answer, and what others print goes to standard error.

A plugin, or a library that it loads, may print whenever its code is run, from C and in processes of its own as well.
Whoever starts a command may have closed a stream, or read it in an encoding that lacks what is to be written.
"""

from __future__ import annotations

import contextlib
import io
import os
import select
import sys
from collections.abc import Iterator
from typing import TextIO

from pfd.characters import ALIKE

_answer: TextIO | None = None


def answer() -> TextIO:
    """Where the answer of a command goes."""
    return _answer or sys.stdout


@contextlib.contextmanager
def kept_for_the_answer() -> Iterator[None]:
    """Have what others print to standard output, in the meantime and in Python, go to standard error."""
    global _answer
    before, _answer = _answer, answer()
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    finally:
        _answer = before


def take_over() -> None:
    """Make the standard streams of this program fit to be used, and its standard output one of Python alone.

    What is printed from C, or by a process that is started, goes to standard error from now on.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:  # it was closed: the lowest free descriptor is its own, which no file must get
            nowhere = open(os.devnull, mode, encoding="utf-8")  # noqa: SIM115, PTH123  (open for the whole program)
            os.set_inheritable(nowhere.fileno(), True)
            setattr(sys, name, nowhere)
    plain = sys.stdout
    plain.flush()
    if isinstance(plain, io.TextIOWrapper) and (plain.fileno(), sys.stderr.fileno()) == (1, 2):
        sys.stdout = io.TextIOWrapper(
            os.fdopen(os.dup(1), "wb"),
            encoding=plain.encoding,
            errors=ALIKE,
            line_buffering=plain.line_buffering,
            write_through=plain.write_through,
        )
        os.dup2(2, 1)


def reader_has_left() -> bool:
    """Whether nobody reads one of the streams that are written to."""
    look = select.poll()
    for stream in (answer(), sys.stderr):
        look.register(stream.fileno(), 0)
    return any(events & (select.POLLERR | select.POLLHUP) for _, events in look.poll(0))


def settle() -> None:
    """Write what waits to be written; a stream that takes nothing any more leads nowhere from now on.

    Raises `OSError` where that is a loss; a reader that has left (`head`, say) has seen enough.
    """
    lost = None
    for stream in (answer(), sys.stderr):
        try:
            stream.flush()
        except OSError as error:
            with contextlib.suppress(OSError):
                os.dup2(os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC), stream.fileno())
            lost = lost if isinstance(error, BrokenPipeError) else error
    if lost is not None:
        raise lost
