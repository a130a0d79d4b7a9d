"""What event loops have of a dispatcher: its methods in threads, a few at a time, and looks for all that wait."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import threading
import weakref
from collections.abc import Callable
from typing import Generic, TypeVar

from pfd import forks
from pfd.client.access import Access
from pfd.client.aio.following import Following
from pfd.client.aio.turns import Turns
from pfd.client.awaiting import Awaiting
from pfd.errors import StoreError

T = TypeVar("T")

AT_ONCE = 4
"""Calls of one loop that run at once: half of the connections that a store keeps open, and not all of the executor."""


class LoopAccess:
    """What one event loop has: looks at jobs, looks at changes, and how many calls may run at once."""

    def __init__(self, dispatcher: Access) -> None:
        self.awaiting = Awaiting(dispatcher)
        self.following = Following(dispatcher)
        self.turns = Turns(AT_ONCE)

    def end(self, error: StoreError) -> None:
        """Have all that wait raise an error; called in the loop."""
        self.awaiting.end(error)
        self.following.end(error)


class _Call(Generic[T]):
    """A function for a thread, which is not called any more where nobody waits for it when its thread begins."""

    def __init__(self, function: Callable[[], T]) -> None:
        self._function = function
        self.is_wanted = True

    def __call__(self) -> T:
        if not self.is_wanted:
            raise asyncio.CancelledError
        return self._function()


class Loops:
    """The event loops that use a dispatcher: any number, in any threads, and others after a fork."""

    def __init__(self, dispatcher: Access) -> None:
        self._dispatcher = dispatcher
        self._closed = False
        self._prepare()
        forks.watch(self, after=Loops._prepare)

    def _prepare(self, _quiet: bool = True) -> None:
        self._adding = threading.Lock()
        self._loops: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, LoopAccess] = weakref.WeakKeyDictionary()

    def here(self) -> LoopAccess:
        """That of the loop that runs.

        Raises
        ------
        StoreError : all has been closed.
        """
        forks.notice()
        loop = asyncio.get_running_loop()
        with self._adding:
            if self._closed:
                raise closed()
            found = self._loops.get(loop)
            if found is None:
                found = self._loops[loop] = LoopAccess(self._dispatcher)
            return found

    async def call(self, function: Callable[[], T]) -> T:
        """What a function returns that may wait for the store, and is called in a thread.

        One that is cancelled before its turn is not called; one that is running ends by itself, and counts until then.
        """
        turns = self.here().turns
        await turns.take()
        try:
            self.here()  # it may have been closed while this waited
            call = _Call(function)
            running = asyncio.get_running_loop().run_in_executor(None, contextvars.copy_context().run, call)
        except BaseException:
            turns.give_back()
            raise
        running.add_done_callback(lambda _: turns.give_back())
        try:
            await asyncio.wait([running])  # which leaves it running where this is cancelled
        except asyncio.CancelledError:
            call.is_wanted = False
            running.add_done_callback(asyncio.Future.exception)  # that nobody asks for any more
            raise
        return running.result()

    def close(self) -> None:
        """Have all that wait, in whatever loop, raise an error, and all that comes later."""
        with self._adding:
            self._closed = True
            loops = dict(self._loops)
        for loop, found in loops.items():
            with contextlib.suppress(RuntimeError):  # a loop that has ended meanwhile
                loop.call_soon_threadsafe(found.end, closed())


def closed() -> StoreError:
    """The error of what is asked of, or was waited for with, a dispatcher that has been closed."""
    return StoreError("this AsyncDispatcher has been closed", hint="make another; jobs go on, and cursors stay good")
