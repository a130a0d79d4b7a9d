"""One look at the store for all that wait in an event loop, for as long as there are any.

A look is a short read in a thread of the loop's executor, so that it keeps neither the loop nor a thread; between looks
the loop sleeps.  Waiting for a hundred jobs costs one thread for some milliseconds, four times a second.
"""

from __future__ import annotations

import abc
import asyncio
import contextlib
import logging
from collections.abc import Mapping, Sequence
from typing import Any, Generic, TypeVar

from pfd.client.waiting import POLL_AWAY, POLL_FIRST, later
from pfd.errors import PfdError, StoreUnavailable

log = logging.getLogger("pfd.client")

T = TypeVar("T")


class Waiter(Generic[T]):
    """A task of the loop that waits for what a look finds.

    Attributes
    ----------
    pause : seconds after which there is to be another look for it.
    hurries : whether the next look is to be at once.
    """

    def __init__(self) -> None:
        self.pause = POLL_FIRST
        self.hurries = True
        self.news: asyncio.Future[T]


W = TypeVar("W", bound=Waiter[Any])


class Looking(abc.ABC, Generic[W, T]):
    """Looks for all that wait in one event loop.  `what` names it where the store is away."""

    what = ""

    def __init__(self) -> None:
        self._waiters: set[W] = set()
        self._looking: asyncio.Task[None] | None = None
        self._come: asyncio.Event | None = None  # of one look: it holds its loop, by which this is found

    @abc.abstractmethod
    def _look(self, waiters: Sequence[W]) -> Mapping[W, T | Exception]:
        """What there is to be told to whom; in a thread."""

    def _begin(self) -> None:
        """The first one waits."""

    async def _next(self, waiter: W) -> T:
        """What a look finds for a waiter, once it does."""
        loop = asyncio.get_running_loop()
        waiter.news = loop.create_future()
        self._waiters.add(waiter)
        if self._come is not None and waiter.hurries:
            self._come.set()
        if self._looking is None:
            self._begin()
            self._looking = loop.create_task(self._look_on(), name="pfd-awaiting")
        try:
            found: T = await waiter.news
            return found
        finally:
            self._waiters.discard(waiter)

    def end(self, error: PfdError) -> None:
        """Have all that wait raise an error; called in their loop."""
        self._tell(dict.fromkeys(self._waiters, error))
        if self._come is not None:
            self._come.set()

    async def _look_on(self) -> None:
        away = False
        self._come = come = asyncio.Event()
        try:
            if not any(waiter.hurries for waiter in self._waiters):
                await self._rest(come)
            while self._waiters:
                come.clear()
                found: Mapping[W, T | Exception]
                try:
                    found = await asyncio.to_thread(self._look, tuple(self._waiters))
                except StoreUnavailable as error:  # a job does not end with that
                    if not away:
                        log.warning("%s cannot be seen; waiting for the store: %s", self.what, error)
                    away = True
                    await asyncio.sleep(POLL_AWAY)
                    continue
                except Exception as error:  # raised where it can be seen: by whoever waits
                    found = dict.fromkeys(self._waiters, error)
                if away:
                    log.warning("the store is back; %s can be seen again", self.what)
                    away = False
                self._tell(found)
                await self._rest(come)
        finally:
            self._looking = self._come = None
            for waiter in self._waiters:  # the loop ends, and nobody looks any more
                waiter.news.cancel()

    def _tell(self, found: Mapping[W, T | Exception]) -> None:
        for waiter, answer in found.items():
            self._waiters.discard(waiter)
            if waiter.news.done():  # who waited was cancelled, or told otherwise
                continue
            if isinstance(answer, Exception):
                waiter.news.set_exception(answer)
            else:
                waiter.news.set_result(answer)

    async def _rest(self, come: asyncio.Event) -> None:
        """Sleep until the next look: a look is soon after one first waits, and later rarer."""
        await asyncio.sleep(0)  # who has just been told may wait for what comes next
        if not self._waiters:
            return
        pause = min(waiter.pause for waiter in self._waiters)
        for waiter in self._waiters:
            waiter.pause = later(waiter.pause)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(pause):
                await come.wait()
