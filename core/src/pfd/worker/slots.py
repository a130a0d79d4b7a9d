"""Slots that have nothing to do, and how they are woken."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable


class IdleSlots:
    """Where slots wait for work.  Thread-safe.

    Slots that serve the same queues form a group, named by these queues, comma-separated.

    Parameters
    ----------
    groups : the groups.
    on_idle : called, from any thread, whenever a slot has found nothing to do.
    """

    def __init__(self, groups: Iterable[str], on_idle: Callable[[], None]) -> None:
        self._queues = {names: frozenset(names.split(",")) for names in groups}
        self._on_idle = on_idle
        self._changed = threading.Condition()
        self._idle: Counter[str] = Counter()
        self._woken_for: Counter[str] = Counter()
        self._stopped = False
        self.wakeups = 0

    def wake(self) -> None:
        """Wake a slot: there may be something to claim.  Where slots differ in queues, wake all of them."""
        with self._changed:
            self.wakeups += 1
            if len(self._queues) > 1:
                self._changed.notify_all()
            else:
                self._changed.notify()

    def offer(self, queue: str) -> bool:
        """Wake a slot that serves `queue`; False where all of them are busy, or woken for something else already."""
        with self._changed:
            for names, queues in self._queues.items():
                if queue in queues and self._idle[names] > self._woken_for[names]:
                    self._woken_for[names] += 1
                    self.wake()
                    return True
        return False

    def has_room(self) -> bool:
        """Whether any slot is free to be woken."""
        with self._changed:
            return any(self._idle[names] > self._woken_for[names] for names in self._queues)

    def wait(self, names: str, seen: int) -> None:
        """Wait until woken; not at all where that has happened since `wakeups` was `seen`."""
        with self._changed:
            if self.wakeups != seen or self._stopped:
                return
            self._idle[names] += 1
        self._on_idle()
        with self._changed:
            if self.wakeups == seen and not self._stopped:
                self._changed.wait()
            self._idle[names] -= 1
            self._woken_for[names] = max(0, self._woken_for[names] - 1)

    def stop(self) -> None:
        """Wake all for good."""
        with self._changed:
            self._stopped = True
            self.wakeups += 1
            self._changed.notify_all()
