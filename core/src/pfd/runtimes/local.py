"""The embedded runtime: workers claim straight from the store, so it needs no broker.

Each worker listens on a Unix datagram socket in a folder named after the store.  It costs nothing while there is no
news, and carries no more than "look": a worker on another machine, or one whose socket is broken, finds the job at its
next sweep.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import logging
import socket
import threading
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from pfd import forks
from pfd.errors import QueueError
from pfd.lazy import RenamedAttribute, renamed_argument
from pfd.notify import Wakeup
from pfd.plugins import Registry, load_registry
from pfd.runtimes.base import SHUTDOWN_PATIENCE
from pfd.settings import Settings, load_settings
from pfd.socket_folder import found_folders, in_socket_folder, remove_where_empty

if TYPE_CHECKING:
    from pfd.runtimes.worker_host import WorkerHost
    from pfd.worker.worker import Worker as Engine

log = logging.getLogger("pfd.runtimes")


def listeners(settings: Settings) -> list[Path]:
    """The sockets of the workers of a store on this machine.  Raises `OSError` where they cannot be seen."""
    found: list[Path] = []
    for folder in found_folders(_folder_name(settings), settings.home):
        with contextlib.suppress(FileNotFoundError):  # its last worker has stopped in between
            found += folder.glob("*.wakeup")
    return found


def _folder_name(settings: Settings) -> str:
    return hashlib.sha256(f"{settings.home}\0{settings.store_url}".encode()).hexdigest()[:12]


class LocalRuntime:
    """Wakes the workers of this machine."""

    name = "local"

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._socket: socket.socket | None = None
        self._opening = threading.Lock()

    def notify(self, wakeup: Wakeup) -> None:  # noqa: ARG002  (the news is only that there is news)
        """Tell every worker of this machine to look."""
        try:
            for path in listeners(self._settings):
                self._notify(path)
        except OSError as error:
            raise QueueError(f"the workers of this machine cannot be woken: {error}") from error

    def _notify(self, path: Path) -> None:
        with self._opening:  # threads share a dispatcher, and one socket would be lost
            if self._socket is None:
                self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
                self._socket.setblocking(False)
        try:
            self._socket.sendto(b"!", str(path))
        except (ConnectionRefusedError, FileNotFoundError):  # its worker is gone without a word
            path.unlink(missing_ok=True)
            remove_where_empty(path.parent)
        except OSError as error:
            # A socket that is full has wakeups enough.
            if error.errno not in (errno.EAGAIN, errno.ENOBUFS):
                raise

    def serve(self, registry: Registry, slots: Mapping[str, int], ready: Callable[[], None]) -> None:
        """Be a worker until told to stop."""
        Worker(self._settings, slots, registry=registry).run_forever(ready)

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None


class LocalListener:
    """The socket on which one worker listens."""

    def __init__(self, settings: Settings) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        try:
            self.path = in_socket_folder(_folder_name(settings), settings.home, self._bound)
        except BaseException:
            self._socket.close()
            raise

    def _bound(self, folder: Path) -> Path:
        path = folder / f"{uuid.uuid4().hex[:12]}.wakeup"
        self._socket.bind(str(path))
        return path

    def fileno(self) -> int:
        return self._socket.fileno()

    def drain(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while True:
                self._socket.recv(16)

    def leave(self) -> None:
        """In the child of a fork: it is the parent who listens."""
        self._socket.close()

    def close(self) -> None:
        self._socket.close()
        self.path.unlink(missing_ok=True)
        remove_where_empty(self.path.parent)


def _listener(settings: Settings) -> LocalListener | None:
    try:
        return LocalListener(settings)
    except (OSError, QueueError) as error:
        log.warning("this worker cannot be woken, and looks for jobs every %g s: %s", settings.sweep, error)
        return None


class Worker:
    """A worker of the embedded runtime, in threads of this process; jobs run in processes of their own.

    Parameters
    ----------
    settings : those of the environment where left out.
    slots : jobs that run at once: one number for all queues, or a number for each queue.
    queues : the queues served with a single number; all queues of the installed tasks where left out.
    client_id : where given, only jobs that this client has submitted are claimed; `pfd.client.dispatcher` says its own.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        slots: int | Mapping[str, int] = 1,
        queues: tuple[str, ...] | None = None,
        client_id: str | None = None,
        *,
        registry: Registry | None = None,
        **earlier: Any,
    ) -> None:
        client_id = renamed_argument("session", "client_id", earlier, client_id)
        self.settings = settings or load_settings().values
        self.registry = registry or load_registry(self.settings)
        if isinstance(slots, int):
            slots = {",".join(queues or self.registry.queues): slots}
        self.slots = dict(slots)
        self._client_id = client_id
        self._runtime = LocalRuntime(self.settings)
        self._listener: LocalListener | None = None
        self._host: WorkerHost | None = None
        forks.watch(self, after=Worker._leave_to_the_parent)

    def _leave_to_the_parent(self, _quiet: bool) -> None:
        """In the child of a fork, which has none of the threads: it is not a worker, and so it cannot stop one."""
        if self._listener is not None:
            self._listener.leave()
        forks.abandon((self._host, self._listener, self._runtime))
        self._host, self._listener, self._runtime = None, None, LocalRuntime(self.settings)

    @property
    def engine(self) -> Engine | None:
        """What claims and runs, while it does."""
        return None if self._host is None else self._host.worker

    owner = RenamedAttribute("engine")

    def start(self) -> Self:
        """Begin to claim jobs.  Raises `StoreError` or `SettingsError` where that is not possible."""
        from pfd.runtimes.worker_host import WorkerHost  # a client, which only notifies, needs no worker

        host = WorkerHost(self.settings, self.registry, self.slots, self._runtime, client_id=self._client_id)
        self._listener = _listener(self.settings)
        try:
            host.start(self._listener)
        except BaseException:
            self.stop()
            raise
        self._host = host
        return self

    def stop(self, patience: float | None = SHUTDOWN_PATIENCE) -> None:
        """Claim no more; after `patience` seconds requeue what still runs (None: wait for it)."""
        if self._host is not None:
            self._host.stop(patience)
            self._host = None
        self._runtime.close()
        if self._listener is not None:
            self._listener.close()
            self._listener = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def run_forever(self, ready: Callable[[], None] = lambda: None) -> None:
        """Serve until SIGINT or SIGTERM; a second signal ends it without waiting for running jobs."""
        from pfd.runtimes.worker_host import StopSignals

        with StopSignals().heard() as stop:
            self.start()
            assert self._host is not None
            host = self._host
            host.serves_alone()
            try:
                ready()
                stop.wait()
                host.drain(lambda: stop.hurry)
            finally:
                self.stop(0.0)
            host.check()
