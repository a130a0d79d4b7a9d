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

from pfd.errors import ParameterError, StoreError
from pfd.runtimes.worker_host import WorkerHost
from pfd.settings import Settings
from pfd.store import refused
from pfd.store.refused import Refusals
from pfd.submission.client_message import ClientMessage, import_messages
from pfd.threads import LastingThread

log = logging.getLogger("pfd.runtimes")

BATCH = 100
BATCH_BYTES = 2 * 2**20
"""Messages, and bytes of them, that are read and stored at once: in Python they may take 25 times as many."""

PAUSE = 1.0
"""Seconds before another try where the store did not answer."""

NOTE_EVERY = 0.5
"""Seconds between two looks for messages that were refused: of a flood they are counted, not written one by one."""


def most_bytes(settings: Settings) -> int:
    """Bytes of a message beyond which it is not even decoded: parameters in their wrapping, and some more."""
    return 4 * settings.max_params_bytes + 65536


def begins_with(data: Any) -> str:
    """The beginning of foreign data, for people."""
    try:
        text = data[:300].decode(errors="replace") if isinstance(data, bytes) else repr(data)[:300]
    except RecursionError:
        text = "(nested too deep to be shown)"
    return "".join(one if one.isprintable() else "�" for one in text)


@dataclass(frozen=True)
class Incoming:
    """A message of a client that was fetched.

    Parameters
    ----------
    queue : that it lay in.
    read : what it asks for; raises `ParameterError` where it cannot even be a job that failed.
    size : its bytes.
    stored : called, from another thread, once it is stored or counted, to acknowledge it.
    sample : something of it, for people who look for its sender.
    """

    queue: str
    read: Callable[[], ClientMessage]
    size: int
    stored: Callable[[], None]
    sample: Any = b""


class Intake:
    """Stores what is put in, in its own thread.  Thread-safe.

    Parameters
    ----------
    service : the inside of the worker.
    runtime : its name.
    on_stored : called, from that thread, when jobs of clients have been stored.
    """

    def __init__(self, host: WorkerHost, runtime: str, on_stored: Callable[[], None] = lambda: None) -> None:
        self._host = host
        self._runtime = runtime
        self._on_stored = on_stored
        self._changed = threading.Condition()
        self._waiting: deque[Incoming] = deque()
        self._refused: dict[tuple[str, str], Refusals] = {}
        self._stopping = False
        self._thread = LastingThread("pfd-intake", self._run, host.alarm)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Store nothing more: what is not acknowledged goes back to the broker."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()

    def put(self, message: Incoming) -> None:
        """Have a message read and stored soon."""
        with self._changed:
            self._waiting.append(message)
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
        """Messages that nobody has begun to store yet."""
        return len(self._waiting)

    # -- the thread ---------------------------------------------------------------------------------------------

    def _run(self) -> None:
        note_at = 0.0
        while not self._stopping:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._refused or self._stopping)
                if not self._waiting:  # refused messages are no hurry: of a flood some are written down at a time
                    self._changed.wait_for(lambda: self._waiting or self._stopping, note_at - time.monotonic())
                taken = self._take()
            if taken:
                self._store(taken)
            if self._refused and time.monotonic() >= note_at:
                self._note()
                note_at = time.monotonic() + NOTE_EVERY

    def _take(self) -> list[Incoming]:
        taken: list[Incoming] = []
        size = 0
        while self._waiting and len(taken) < BATCH and (not taken or size + self._waiting[0].size <= BATCH_BYTES):
            taken.append(self._waiting.popleft())
            size += taken[-1].size
        return taken

    def _store(self, taken: Sequence[Incoming]) -> None:
        requests = [request for one in taken if (request := self._read(one)) is not None]
        self._import(requests)
        if not self._stopping:
            for one in taken:
                one.stored()

    def _read(self, message: Incoming) -> ClientMessage | None:
        try:
            return message.read()
        except ParameterError as error:
            self.refuse(message.queue, str(error), message.sample)
        except BaseException as error:  # nothing that a message holds may end this thread
            log.exception("a message of queue %s cannot be read", message.queue)
            self.refuse(message.queue, f"{type(error).__name__}: it cannot be read", message.sample)
        return None

    def _import(self, requests: Sequence[ClientMessage]) -> None:
        host = self._host
        while requests and not self._stopping:
            try:
                wakeups = import_messages(host.app, requests)
            except (StoreError, MemoryError) as error:  # what this worker lacks is no fault of a message
                log.warning("%d jobs of clients of %s are not stored yet: %s", len(requests), self._runtime, error)
                self._pause()
                continue
            except BaseException as error:
                if len(requests) > 1:  # whichever of them it is, the others are not to blame
                    for one in requests:
                        self._import([one])
                    return
                log.exception("a message cannot be stored, not even as one that failed")
                self.refuse(requests[0].task, f"{type(error).__name__}: it cannot be stored", requests[0].id)
                return
            for wakeup in wakeups:
                host.wake_or_notify(wakeup)
            self._on_stored()
            return

    def _note(self) -> None:
        with self._changed:
            found, self._refused = self._refused, {}
        number = sum(one.number for one in found.values())
        try:
            with self._host.store.write() as connection:
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
