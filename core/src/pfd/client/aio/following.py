"""Following the feed of changes in an event loop: one look at the store for all that follow it there."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Mapping, Sequence

from pfd.client.access import Access
from pfd.client.looking import Looking, Waiter
from pfd.errors import ParameterError
from pfd.store import feed
from pfd.store.feed import Change, Steps

PAGE = 500
"""Changes of one look and follower."""

POLL_BUSY = 0.05
"""Seconds from a look that found changes to the next one."""


class _Place(Waiter[Steps]):
    """Where a follower has come to."""

    def __init__(self, since: str) -> None:
        super().__init__()
        self.cursor = since

    def go_on(self, found: Steps) -> None:
        self.cursor = found.cursor
        self.hurries = len(found.changes) == PAGE  # there is more, and by now
        self.pause = POLL_BUSY


class _Changes(AsyncIterator[Change]):
    """The changes behind a cursor.

    A wait for the next one may be cancelled, as by a limit of time, and another begun: no generator, which would have
    ended with the first.
    """

    def __init__(self, following: Following, since: str) -> None:
        self._following = following
        self._place = _Place(since)
        self._page: deque[Change] = deque()
        self._is_awaited = False

    async def __anext__(self) -> Change:
        if self._is_awaited:
            raise RuntimeError("the next change is awaited already: let each task follow by itself")
        self._is_awaited = True
        try:
            while not self._page:
                found = await self._following.page(self._place)
                self._place.go_on(found)
                self._page.extend(found.changes)
        finally:
            self._is_awaited = False
        return self._page.popleft()


class Following(Looking[_Place, Steps]):
    """Looks at the feed for all that follow it in one event loop, for as long as there are any.

    Followers that have come to the same place, as all have that keep up, are read for once.  Each takes the next page
    when it is through with the one before, so one that is slow holds up no other, and nothing piles up for it.
    """

    what = "changes of jobs"

    def __init__(self, dispatcher: Access) -> None:
        super().__init__()
        self._dispatcher = dispatcher

    def follow(self, since: str) -> AsyncIterator[Change]:
        """Each change behind a cursor, for ever.  Raises `ParameterError` as `feed.read` does: of what is no cursor at
        once, before it is looked at together with those of others."""
        feed.check(since)
        return _Changes(self, since)

    async def page(self, place: _Place) -> Steps:
        """What is behind a place, once there is any; the place stays where it is."""
        return await self._next(place)

    def _look(self, waiters: Sequence[_Place]) -> Mapping[_Place, Steps | Exception]:
        read: dict[str, Steps | Exception] = {}
        with self._dispatcher.store.read() as connection:
            for cursor in {place.cursor for place in waiters}:
                try:
                    read[cursor] = feed.steps(connection, cursor, PAGE)
                except ParameterError as error:
                    read[cursor] = error
        found = {place: read[place.cursor] for place in waiters}
        return {
            place: answer
            for place, answer in found.items()
            if isinstance(answer, Exception) or answer.changes or place.cursor == feed.NOW
        }
