"""Where Dramatiq's messages arrive: wakeups for the slots, and jobs of clients that know nothing of PFD.

Wakeups come by queues of their own, which a worker whose slots are all busy leaves alone: they go to one that has a
slot free.  What clients ask for is stored at any time, though nobody may be free to run it yet.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable

from pfd.runtimes.intake import Incoming, Intake, most_bytes
from pfd.runtimes.worker_host import WorkerHost
from pfd_runtime_dramatiq.client_message import read_request


class MessageConsumer:
    """The consumer of a worker's messages.  Thread-safe."""

    def __init__(self) -> None:
        self._host: WorkerHost | None = None
        self._intake: Intake | None = None
        self._changed = threading.Condition()
        self._closed = True  # until there are slots
        self.most_bytes = 0

    def serve(self, host: WorkerHost) -> None:
        """Let wakeups in, for the slots of a worker, and take what clients ask for."""
        self.most_bytes = most_bytes(host.settings)
        self._intake = Intake(host, "dramatiq")
        self._intake.start()
        self._host = host
        self.open()

    @property
    def serves(self) -> bool:
        """Whether this worker takes jobs; not once it ends."""
        return self._host is not None

    def open(self) -> None:
        """A slot has become free."""
        with self._changed:
            self._closed = False
            self._changed.notify_all()

    def is_open(self, timeout: float) -> bool:
        """Whether a wakeup is to be fetched now; waits up to `timeout` seconds until it is."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._closed, timeout)

    def offer(self, queue: str) -> bool:
        """Have a slot look for a job of that queue; where none is free the wakeup is for another worker."""
        host = self._host
        if host is None:
            return False
        if host.offer(queue):
            return True
        with self._changed:
            self._closed = True
        if host.has_room():  # a slot has become free meanwhile
            self.open()
        return False

    def receive(
        self, queue: str, data: bytes | None, size: int, stored: Callable[[], None], *, among_wakeups: bool = False
    ) -> None:
        """Take the message of a client, whatever it holds; `stored` is called, from another thread, when it is."""
        assert self._intake is not None
        read = functools.partial(read_request, queue, data, size, among_wakeups=among_wakeups)
        self._intake.put(Incoming(queue, read, len(data or b""), stored, data))

    def stop(self) -> None:
        """Let nothing in any more."""
        self._host = None
        if self._intake is not None:
            self._intake.stop()
        with self._changed:
            self._closed = True
