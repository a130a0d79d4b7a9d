"""Forks: what talks to a store or a broker is shared by no two processes.

Nothing that is open survives a fork: two processes would read from one line to a server, and SQLite in the child
believes in locks that only its parent has.  So all is closed before, once no thread is in the middle of a conversation,
and opened again by whoever needs it first.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

log = logging.getLogger("pfd.forks")

PATIENCE = 5.0
"""Seconds that a fork waits for the conversations of other threads: one of them may wait for the thread that forks."""

PAUSE = 0.0005


T = TypeVar("T")

_watched: set[tuple[weakref.ref[Any], Callable[[Any], None], Callable[[Any, bool], None]]] = set()

# No lock guards these: the child, or the handler of a signal, might find it held for ever.
_talking: dict[int, int] = {}
"""How deep in conversation each thread is."""

_forking: dict[int, bool] = {}
"""Threads that are about to fork, and whether it was quiet then."""

_abandoned: list[object] = []

_process = os.getpid()


def watch(one: T, *, before: Callable[[T], None] = lambda _: None, after: Callable[[T, bool], None]) -> None:
    """Have something that holds connections or locks seen to at each fork, for as long as it lives.

    Parameters
    ----------
    before : closes what is open; called where it is quiet, and so nothing is in use.
    after : in the child, which has no other thread, makes anew what those of the parent may have held; it is told
        whether it was quiet.
    """
    entry = (weakref.ref(one, lambda _: _watched.discard(entry)), before, after)
    _watched.add(entry)


def abandon(inherited: object) -> None:
    """Keep what a child must not even close, as the end of an object would: it is the parent that others hear."""
    _abandoned.append(inherited)


def notice() -> None:
    """See to a fork of which Python was told nothing, as uWSGI tells it nothing unless it is asked to."""
    if os.getpid() != _process:
        _after_in_child()


@contextlib.contextmanager
def conversation() -> Iterator[None]:
    """Within the block no other thread forks, unless it runs out of patience."""
    notice()
    me = threading.get_ident()
    outermost = me not in _talking
    _talking[me] = _talking.get(me, 0) + 1
    try:
        while outermost and _forking and me not in _forking:
            del _talking[me]
            while _forking:
                time.sleep(PAUSE)
            _talking[me] = 1
        yield
    finally:
        # Never out of the table while it talks: another thread may look at any moment.
        if (depth := _talking.get(me, 1) - 1) > 0:
            _talking[me] = depth
        else:
            _talking.pop(me, None)


def _before() -> None:
    me = threading.get_ident()
    _forking[me] = False
    deadline = time.monotonic() + PATIENCE
    while (talking := set(_talking)) - {me} and time.monotonic() < deadline:
        time.sleep(PAUSE)
    _forking[me] = quiet = not talking
    for reference, before, _ in list(_watched) if quiet else ():
        _see_to(reference, before)


def _after_in_parent() -> None:
    _forking.pop(threading.get_ident(), None)


def _after_in_child() -> None:
    global _process
    _process = os.getpid()
    me = threading.get_ident()
    quiet, depth = _forking.get(me, False), _talking.get(me)
    _forking.clear()
    _talking.clear()
    if depth:
        _talking[me] = depth
    for reference, _, after in list(_watched):
        _see_to(reference, after, quiet)


def _see_to(reference: weakref.ref[Any], step: Callable[..., None], *arguments: bool) -> None:
    if (one := reference()) is not None:
        try:
            step(one, *arguments)
        except Exception:
            log.exception("%s is not ready for a fork", type(one).__name__)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before, after_in_parent=_after_in_parent, after_in_child=_after_in_child)
