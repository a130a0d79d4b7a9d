"""Saying that nobody is there to run what was submitted: in the log, once a queue and process.

It is no `warnings` matter: the program that submits is right, and has nothing to change.  Without a handler of the
program's Python's logging writes it to standard error, where a notebook or a shell shows it.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterable

from pfd.errors import PfdError
from pfd.settings import Settings
from pfd.store import Store, WorkerInfo, workers

log = logging.getLogger("pfd.client")

SERVED = 10.0
"""Seconds for which a queue that was served a moment ago is taken to be."""

_told: set[tuple[str, str, bool]] = set()


class UnservedNotice:
    """Looks whether queues are served, at most once in some seconds each; those of which it has spoken never again."""

    def __init__(self, settings: Settings, client_id: str) -> None:
        self._settings = settings
        self._client_id = client_id
        self._served_until: dict[tuple[str, bool], float] = {}
        self._looking = threading.Lock()

    def look(self, store: Store, queue: str, *, gpu: bool) -> None:
        """Say so where no live worker takes jobs of a queue.  Raises nothing: the job is stored all the same."""
        told = (store.url, queue, gpu)
        if self._settings.runtime == "eager" or told in _told:
            return
        with self._looking:
            now = time.monotonic()
            if told in _told or now < self._served_until.get((queue, gpu), now):
                return
            try:
                with store.read() as connection:
                    present = workers.live(connection)
            except PfdError:
                return
            if self._is_served(present, queue, gpu=gpu):
                self._served_until[queue, gpu] = now + SERVED
                return
            _told.add(told)
        what = f"no live worker {'has a gpu slot for' if gpu else 'serves'} the queue {queue}"
        log.warning("%s: what is submitted to it waits; start one with 'pfd worker --queues %s'", what, queue)

    def _is_served(self, present: Iterable[WorkerInfo], queue: str, *, gpu: bool) -> bool:
        mine = [info for info in present if info.client_id in (None, self._client_id)]
        return any(info.takes(queue, gpu=gpu) for info in mine if info.is_recent(self._settings.lease))
