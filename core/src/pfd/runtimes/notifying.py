"""Waking workers through a broker: never more wakeups than are of use, and no waiting for a broker that is away."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from pfd.errors import QueueError
from pfd.notify import Wakeup
from pfd.origin import first_line
from pfd.runtimes.address import WRONG
from pfd.urls import mask, purge

MOST = 32
"""Wakeups of a queue that may wait in the broker.

A wakeup says "look": each worker that looks takes one job after the other until there are none, the best first.  So no
more are needed than wake those that are idle, and what a broker holds does not grow with what waits in the store.
"""

_PREFIX = "pfd."


def wakeup_queue(queue: str) -> str:
    """The broker's queue that holds the wakeups of a queue of jobs.

    One of its own, since a worker that is busy takes no wakeups, and does take the requests of clients at any time.
    """
    return _PREFIX + queue


def woken_queue(name: str) -> str | None:
    """The queue of jobs that a broker's queue holds the wakeups of; None for any other."""
    return name.removeprefix(_PREFIX) if name.startswith(_PREFIX) else None


MARK = "pfd_ring"
"""What a wakeup carries, and a message of a client does not, which may come to the same queue: to `pfd.training`."""

PAUSE = 2.0
"""Seconds for which a broker that did not answer is left alone: the jobs are stored, and found by a sweep."""


class BoundedNotifier:
    """Wakes workers through a broker.  Thread-safe.

    Parameters
    ----------
    count : how many messages wait in a queue of the broker.
    publish : hands a wakeup to the broker.  Both raise one of `errors` where it cannot be reached.
    url : of the broker, whose secrets its library may name in an error.
    """

    def __init__(
        self,
        count: Callable[[str], int],
        publish: Callable[[Wakeup], None],
        errors: tuple[type[BaseException], ...],
        url: str,
    ) -> None:
        self._count = count
        self._publish = publish
        self._errors = errors
        self._url = url
        self._lock = threading.Lock()
        self._left: dict[str, int] = {}
        self._away_until = float("-inf")
        self._reason = ""

    def notify(self, wakeup: Wakeup) -> None:
        """Send a wakeup, unless enough of them wait.  Raises `QueueError` where the broker is away."""
        if time.monotonic() < self._away_until:
            raise QueueError(self._reason)
        try:
            if self._take(wakeup.queue):
                self._publish(wakeup)
        except self._errors as error:
            self._away_until = time.monotonic() + PAUSE
            raise self._away(error) from error
        except WRONG as error:
            raise self._unfit(error) from error

    def waiting(self, queue: str) -> int:
        """Wakeups of a queue that wait.  Raises `QueueError` where the broker is away."""
        try:
            return self._count(queue)
        except self._errors as error:
            raise self._away(error) from error
        except WRONG as error:
            raise self._unfit(error) from error

    def _unfit(self, error: BaseException) -> QueueError:
        purge(error, self._url)
        return QueueError(
            f"broker_url={mask(self._url)!r} cannot be used: {error}", hint="check what stands behind the ?"
        )

    def _away(self, error: BaseException) -> QueueError:
        purge(error, self._url)
        self._reason = f"the broker does not answer: {first_line(error, type(error).__name__)}"
        return QueueError(self._reason, hint="jobs are stored all the same, and found at the next sweep")

    def _take(self, queue: str) -> bool:
        """Whether a queue wants a wakeup.

        Counted again only once as many have gone out as it wanted at the last count.  Where it wants none, those that
        wait are heard later than this job was stored, and so they stand for it as well.
        """
        with self._lock:
            left = self._left.get(queue, 0)
            if left <= 0:
                left = MOST - self._count(queue)
            self._left[queue] = left - 1
            return left > 0
