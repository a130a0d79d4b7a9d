"""What is asked of the store for a scrape: never by the thread that answers it, and hardly ever twice in a moment."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from pfd import StoreError, StoreReading

log = logging.getLogger("pfd.monitor")

KEPT = 2.0
"""Seconds for which a reading serves all who ask."""

PATIENCE = 3.0
"""Seconds that a scrape waits for a reading; without one it goes on with what the worker knows by itself."""


class Reader:
    """Reads the store in its own thread, when asked: a store that hangs holds nobody up.

    Parameters
    ----------
    read : reads the store; raises `StoreError`.
    """

    def __init__(self, read: Callable[[], StoreReading], *, kept: float = KEPT, patience: float = PATIENCE) -> None:
        self._ask = read
        self._kept = kept
        self._patience = patience
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._latest: tuple[float, StoreReading] | None = None  # and the moment of `time.monotonic` it was begun at

    def latest(self) -> StoreReading | None:
        """A reading that is new enough, or None where the store gives none in time."""
        asked = time.monotonic()
        with self._lock:
            if (found := self._fresh(asked)) is not None:
                return found
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._read, name="pfd-monitor-reader", daemon=True)
                self._thread.start()
            thread = self._thread
        thread.join(self._patience)
        return self._fresh(asked)

    def _fresh(self, asked: float) -> StoreReading | None:
        latest = self._latest
        return latest[1] if latest is not None and asked - latest[0] < self._kept else None

    def _read(self) -> None:
        began = time.monotonic()
        try:
            self._latest = began, self._ask()
        except StoreError as error:
            log.warning("a scrape goes without the store: %s", error)
