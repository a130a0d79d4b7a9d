"""What clients of a broker ask for, on its way into the store: the same for each runtime with a broker.

The thread that reads from a broker hands each message over and goes on.  It is acknowledged once it is stored: as a
job, as a job that failed, or where it cannot even be that, as one more message that was refused.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pfd.errors import StoreError
from pfd.monitor import LastingThread
from pfd.runtimes.service import Service
from pfd.settings import Settings
from pfd.store import refused
from pfd.store.refused import Refusals
from pfd.submission import Request, adopt

log = logging.getLogger("pfd.runtimes")

BATCH = 100
PAUSE = 1.0
"""Seconds before another try where the store did not answer."""

NOTE_EVERY = 0.5
"""Seconds between two looks for messages that were refused: of a flood they are counted, not written one by one."""


def most_bytes(settings: Settings) -> int:
    """Bytes of a message beyond which it is not even decoded: parameters in their wrapping, and some more."""
    return 4 * settings.max_params_bytes + 65536


def begins_with(data: Any) -> str:
    """The beginning of foreign data, for people."""
    text = data[:300].decode(errors="replace") if isinstance(data, bytes) else repr(data)[:300]
    return "".join(one if one.isprintable() else "�" for one in text)


@dataclass(frozen=True)
class _Waiting:
    request: Request
    stored: Callable[[], None]


class Intake:
    """Stores what is put in, in a thread of its own.  Thread-safe.

    Parameters
    ----------
    service : the inside of the worker; None until it is there.
    runtime : its name.
    on_stored : called, from that thread, when jobs of clients have been stored.
    """

    def __init__(self, service: Service, runtime: str, on_stored: Callable[[], None] = lambda: None) -> None:
        self._service = service
        self._runtime = runtime
        self._on_stored = on_stored
        self._changed = threading.Condition()
        self._requests: deque[_Waiting] = deque()
        self._refused: dict[tuple[str, str], Refusals] = {}
        self._stopping = False
        self._thread = LastingThread("pfd-intake", self._run, service.alarm)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Store nothing more: what is not acknowledged goes back to the broker."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()

    def put(self, request: Request, stored: Callable[[], None]) -> None:
        """Have a request stored soon; `stored` is called then, from another thread, to acknowledge its message."""
        with self._changed:
            self._requests.append(_Waiting(request, stored))
            self._changed.notify_all()

    def refuse(self, queue: str, reason: str, sample: Any) -> None:
        """Count a message that cannot become a job; the caller acknowledges it."""
        log.debug("a message of queue %s is refused: %s", queue, reason)
        queue, reason = queue[: refused.MAX_QUEUE], reason[: refused.MAX_REASON]
        with self._changed:
            known = self._refused.get((queue, reason))
            if known is None and len(self._refused) >= refused.KINDS:
                return  # the store would not keep more of one moment either
            one = known or Refusals(self._runtime, queue, reason, 0)
            self._refused[queue, reason] = replace(one, number=one.number + 1, sample=begins_with(sample))
            self._changed.notify_all()

    def __len__(self) -> int:
        """Requests that are not stored yet."""
        return len(self._requests)

    # -- the thread ---------------------------------------------------------------------------------------------

    def _run(self) -> None:
        note_at = 0.0
        while not self._stopping:
            with self._changed:
                self._changed.wait_for(lambda: self._requests or self._refused or self._stopping)
                if not self._requests:  # refused messages are no hurry: of a flood some are written down at a time
                    self._changed.wait_for(lambda: self._requests or self._stopping, note_at - time.monotonic())
                taken = [self._requests.popleft() for _ in range(min(BATCH, len(self._requests)))]
            if taken:
                self._store(taken)
            if self._refused and time.monotonic() >= note_at:
                self._note()
                note_at = time.monotonic() + NOTE_EVERY

    def _store(self, taken: Sequence[_Waiting]) -> None:
        service = self._service
        while not self._stopping:
            try:
                rings = adopt(service.store, service.registry, service.settings, [one.request for one in taken])
            except StoreError as error:
                log.warning("%d jobs of clients of %s are not stored yet: %s", len(taken), self._runtime, error)
                self._pause()
                continue
            except Exception as error:
                if len(taken) > 1:  # whichever of them it is, the others are not to blame
                    for one in taken:
                        self._store([one])
                    return
                log.exception("a message cannot be stored, not even as one that failed")
                request = taken[0].request
                self.refuse(request.task, f"{type(error).__name__}: it cannot be stored", request.id)
                rings = []
            for one in taken:
                one.stored()
            for ring in rings:
                service.announce(ring)
            self._on_stored()
            return

    def _note(self) -> None:
        with self._changed:
            found, self._refused = self._refused, {}
        number = sum(one.number for one in found.values())
        try:
            with self._service.store.write() as connection:
                refused.note(connection, found.values())
        except StoreError as error:
            log.warning("%d refused messages are not counted: %s", number, error)
            self._pause()
            return
        one = max(found.values(), key=lambda one: one.number)
        log.error("messages refused: %d, most of them of queue %s: %s", number, one.queue, one.reason)

    def _pause(self) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._stopping, PAUSE)
