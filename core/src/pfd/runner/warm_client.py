"""Warm servers, seen from a worker: found where another worker of this machine has started one, else started."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import psutil

from pfd.errors import QueueError
from pfd.file_lock import FileLock
from pfd.runner.interpreter import interpreter
from pfd.runner.json_lines import NotAMessage, pack, unpack
from pfd.runner.profile import Profile
from pfd.socket_folder import open_private, peer, socket_folder

log = logging.getLogger("pfd.worker")

MODULE = "pfd.runner.warm_server"
FOLDER = "warm"
BACKLOG = 64


class WarmServerClient:
    """This worker's line to a warm server.  Thread-safe.

    The server lives for as long as a worker is connected or a job of it runs.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._name = ""
        self._connection: socket.socket | None = None
        self._process: psutil.Process | None = None
        self._started: list[subprocess.Popen[bytes]] = []

    def spawn(self, profile: Profile, fds: Sequence[int]) -> None:
        """Have a server of that profile make a supervisor.  It owns these descriptors: control, channel, output, held.

        Raises `OSError` or `QueueError` where there can be no server.
        """
        with self._lock:
            name = profile.name()
            if name != self._name:
                # Packages have changed, or the share of cores: a new server; the old one ends with its last job.
                self._disconnect()
                self._name = name
            if self._connection is not None:
                with contextlib.suppress(OSError):  # it died since; once more with a new one
                    socket.send_fds(self._connection, [b"job"], fds)
                    return
                self._disconnect()
            self._connection = self._connect(profile)
            socket.send_fds(self._connection, [b"job"], fds)

    def resume(self) -> None:
        """Have the server go on where it was stopped, as by a signal of a job: no other would get a process."""
        if (process := self._process) is None:
            return
        with contextlib.suppress(psutil.Error):
            if process.status() == psutil.STATUS_STOPPED and process.is_running():
                log.warning("the warm server (process %d) was stopped; it is told to go on", process.pid)
                process.send_signal(signal.SIGCONT)

    def close(self) -> None:
        with self._lock:
            self._disconnect()
            for process in self._started:
                try:
                    process.wait(0.5)
                except subprocess.TimeoutExpired:  # others use it: it is not ours to end, nor to warn of
                    process.returncode = 0

    def _disconnect(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(OSError):
                self._connection.shutdown(socket.SHUT_RDWR)  # for the thread that may still listen as well
            self._connection.close()
            self._connection = None
        self._started = [process for process in self._started if process.poll() is None]

    def _connect(self, profile: Profile) -> socket.socket:
        path = socket_folder(FOLDER, profile.settings.home) / f"{self._name}.sock"
        with locked(path, profile.settings.home):
            connection = _line()
            try:
                connection.connect(str(path))
            except (FileNotFoundError, ConnectionRefusedError):
                path.unlink(missing_ok=True)
                pid = self._start(profile, path)
                connection.connect(str(path))
            else:
                pid, user = peer(connection)
                if user != os.getuid():
                    connection.close()
                    raise QueueError(f"at {path} a program of user {user} listens", hint="set XDG_RUNTIME_DIR")
        self._process = _server(pid)
        self._listen(connection)
        return connection

    def _listen(self, connection: socket.socket) -> None:
        """Have said what becomes of the imports; where that takes what is not to be had, it stays unsaid."""
        with contextlib.ExitStack() as unheard, contextlib.suppress(OSError, RuntimeError):
            line = unheard.enter_context(connection.dup())
            threading.Thread(target=_report, args=(line,), name="pfd-preload", daemon=True).start()
            unheard.pop_all()

    def _start(self, profile: Profile, path: Path) -> int:
        """Start the server; whoever connects waits in its socket's queue until it has done its imports.

        Returns its pid.
        """
        order, theirs = socket.socketpair()
        with order, theirs, _line() as listening, _log_file(path) as output:
            listening.bind(str(path))
            listening.listen(BACKLOG)
            process = subprocess.Popen(
                [interpreter(), "-P", "-m", MODULE, str(theirs.fileno()), str(listening.fileno())],
                pass_fds=(theirs.fileno(), listening.fileno()),
                env=profile.server_environment(),
                stdin=subprocess.DEVNULL,
                # Not this worker's: the server may outlive it, and whoever reads them would wait for their end.
                stdout=output,
                stderr=output,
                cwd="/",
                start_new_session=True,
            )
            self._started.append(process)
            theirs.close()
            # Not on the command line, where everyone on the machine could read the password of a database.
            order.sendall(pack(profile.order() | {"socket": str(path)}))
        return process.pid


def _log_file(path: Path) -> BinaryIO:
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    return os.fdopen(open_private(path.with_suffix(".log"), flags), "wb")


def _line() -> socket.socket:
    return socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)


def _server(pid: int) -> psutil.Process | None:
    with contextlib.suppress(psutil.Error, ValueError):
        process = psutil.Process(pid)
        if MODULE in process.cmdline():  # else the worker that has just started it
            return process
    return None


def _report(connection: socket.socket) -> None:
    """Wait for the first answer, and say which imports could not be had."""
    with connection, contextlib.suppress(OSError, NotAMessage):
        answer = unpack(connection.recv(65536))
        for module, reason in answer.get("failed", {}).items():
            log.warning("preloading %s failed: %s", module, reason)
        if unfit := answer.get("unfit"):
            log.warning("jobs that want the same imports start slowly, each in a fresh interpreter: %s", unfit)


@contextlib.contextmanager
def locked(path: Path, home: Path) -> Iterator[None]:
    """Alone with the socket at `path`: nobody else starts or ends its server meanwhile.

    Raises `OSError` or `QueueError` where there can be no such file: its folder may go with the session of its user.
    """
    with _take(path.with_suffix(".lock"), home):
        yield


def _take(path: Path, home: Path) -> FileLock:
    while True:
        folder = socket_folder(FOLDER, home)  # a server that ends removes it where it is empty
        try:
            lock = FileLock(path)
        except FileNotFoundError:
            if folder != path.parent:
                raise  # sockets lie elsewhere by now
            continue
        lock.acquire()
        with contextlib.suppress(FileNotFoundError):
            if lock.is_on(path):
                return lock
        lock.close()  # its holder has removed the file: the lock is on nothing
