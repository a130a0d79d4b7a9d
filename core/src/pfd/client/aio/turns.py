"""Turns of calls: how many of one event loop may run at once."""

from __future__ import annotations

import asyncio
from collections import deque


class Turns:
    """At most so many at once, and the others in the order in which they come.

    Unlike `asyncio.Semaphore` it does not hold its loop once somebody had to wait: whoever is found by a loop that it
    holds keeps it for ever.  Used in its loop alone.
    """

    def __init__(self, most: int) -> None:
        self._free = most
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def take(self) -> None:
        """Wait for a turn.  Who is cancelled meanwhile has none."""
        if self._free:
            self._free -= 1
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.cancelled():
                self._waiting.remove(turn)
            else:  # it was given one at that moment
                self.give_back()
            raise

    def give_back(self) -> None:
        """End a turn: whoever has waited longest is next."""
        for turn in self._waiting:
            if not turn.done():
                self._waiting.remove(turn)
                turn.set_result(None)
                return
        self._free += 1
