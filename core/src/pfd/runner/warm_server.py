"""The warm server: a program that has the heavy imports done and makes a process for each job by forking.

One a machine, service and import profile, started with `python -m`, so that the caller's `__main__` never runs again.
It is single-threaded.  Workers connect to its socket; each of their requests is one message that carries the file
descriptors of a job: control, channel, output, and others that its processes are to hold.  It ends when no worker is
connected and no job runs.  A job does not depend on that: its supervisor sees for itself when the worker is gone.

No job is forked from a process in which CUDA was initialised.  Where an import has done so in here, the server begins
anew without any, so that it holds no device, makes fresh interpreters instead, and says which import it was.

What to load comes over its own line: `{"settings": …, "preload": […], "path": […], "socket": …}`.  A server that
has begun anew is also told `"unfit"`: why it loads nothing.
To each worker, once: `{"ready": true, "failed": {"module": "why"}}`, or `{"ready": true, "unfit": "why"}`.
"""

from __future__ import annotations

import contextlib
import errno
import gc
import importlib
import os
import select
import signal
import socket
import sys
import time
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from pfd.characters import one_line
from pfd.errors import QueueError
from pfd.lifecycle import ProcessKind, ProcessStart
from pfd.modes import take_umask
from pfd.plugins import Registry, load_registry
from pfd.runner import child, cuda, native
from pfd.runner.json_lines import pack, receive
from pfd.runner.stop import held_back, let_through
from pfd.runner.supervisor import Supervisor, start_fresh
from pfd.runner.warm_client import BACKLOG, MODULE, locked
from pfd.settings import Settings
from pfd.socket_folder import peer, remove_where_empty
from pfd.waker import Waker

FEWEST_DESCRIPTORS, MOST_DESCRIPTORS = 3, 8
BREATH = 0.1
"""Seconds without another try where a worker could not be let in."""

FIRST_PATIENCE = 10.0
"""Seconds that whoever started the server may take to connect to it."""


def main() -> None:
    """Entry point: `python -m pfd.runner.warm_server ORDER_FD LISTENING_FD`."""
    with socket.socket(fileno=int(sys.argv[1])) as line:
        order = receive(line)
    listening = socket.socket(fileno=int(sys.argv[2]))
    listening.listen(BACKLOG)  # once more: from now on those who connect see that it is this process that listens
    let_through()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to the worker, which says what becomes of its jobs
    native.adopt_orphans()
    take_umask(order["settings"]["share"])
    if "unfit" in order:
        WarmServer(
            listening, Path(order["socket"]), Path(order["settings"]["home"]), None, {"unfit": order["unfit"]}
        ).serve()
        return
    sys.path[:] = order["path"]
    settings = Settings.received(order["settings"])
    registry = load_registry(settings)
    registry.notify("pfd_process_start", start=ProcessStart(ProcessKind.WARM_SERVER, settings))
    failed, unfit = preload(["sqlalchemy.orm", "pfd.store.store", "pfd.context", *order["preload"]])
    if unfit is not None:
        _begin_anew(order | {"unfit": unfit}, listening)
    build_models(registry)
    gc.collect()
    gc.freeze()  # objects that live as long as the server are not worth a copy in each child
    WarmServer(listening, Path(order["socket"]), settings.home, registry, {"failed": failed}).serve()


def _begin_anew(order: dict[str, Any], listening: socket.socket) -> NoReturn:
    """Become a server of that order, in this process and on this socket, where workers may be waiting already."""
    line, theirs = socket.socketpair()
    line.sendall(pack(order))
    line.close()
    for end in (theirs, listening):
        end.set_inheritable(True)
    numbers = (str(theirs.fileno()), str(listening.fileno()))
    os.execv(sys.executable, [sys.executable, "-P", "-m", MODULE, *numbers])  # noqa: S606  (ourselves)


def preload(modules: Sequence[str]) -> tuple[dict[str, str], str | None]:
    """Import what can be imported; what cannot comes back with its reason, and each job will say so itself.

    The second of what is returned says why this process cannot be forked from, and where that began.
    """
    failed: dict[str, str] = {}
    if trace := cuda.traces():
        return failed, f"loading the plugins touched a device ({trace}); their manifests should import nothing heavy"
    for module in modules:
        try:
            importlib.import_module(module)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # an import can raise anything, SystemExit as well
            failed[module] = f"{type(error).__name__}: {error}"
        if trace := cuda.traces():
            return failed, f"preloading {module} touched a device ({trace}); CUDA would be broken in what is forked"
    return failed, None


def build_models(registry: Registry) -> None:
    """Build the validators of all tasks and settings, which wait for their first use: each job would build its own."""
    of_tasks = [model for task in registry.tasks.values() for model in (task.params, task.result)]
    for model in (*of_tasks, *registry.settings_models().values()):
        with contextlib.suppress(Exception):  # a model that cannot be built says so in each job
            model.model_rebuild()


class WarmServer:
    """Makes a supervisor for each request, until nobody needs it any more.

    Parameters
    ----------
    registry : that of the jobs; None where they are not to be forked from here.
    greeting : what to tell each worker.
    """

    def __init__(
        self,
        listening: socket.socket,
        path: Path,
        home: Path,
        registry: Registry | None,
        greeting: dict[str, Any],
    ) -> None:
        self._pid = os.getpid()
        self._listening = listening
        self._path = path
        self._home = home
        self._registry = registry
        self._greeting = pack({"ready": True, **greeting})
        self._workers: set[socket.socket] = set()
        self._keepers: set[int] = set()
        self._waker = Waker()
        signal.signal(signal.SIGCHLD, lambda *_: None)
        self._waker.hear_signals()

    def serve(self) -> None:
        with self._waker:
            # Whoever started it is about to connect; one that dies before that leaves nobody to serve.
            self._step(FIRST_PATIENCE)
            while self._workers or self._keepers or not self._retire():
                self._step(None)

    def _step(self, timeout: float | None) -> None:
        sources: list[Any] = [self._waker, self._listening, *self._workers]
        readable, _, _ = select.select(sources, [], [], timeout)
        if self._waker in readable:
            self._waker.drain()
            self._reap()
        if self._listening in readable:
            self._accept()
        for worker in self._workers.intersection(readable):
            self._answer(worker)

    def _accept(self) -> None:
        try:
            worker, _ = self._listening.accept()
        except OSError as error:  # no descriptors left: it waits, and the jobs that run are none of its concern
            print(one_line(f"pfd: no worker can connect: {error}"), file=sys.stderr)
            time.sleep(BREATH)
            return
        if peer(worker)[1] != os.getuid():
            worker.close()
            return
        self._workers.add(worker)
        with contextlib.suppress(OSError):
            worker.sendall(self._greeting)

    def _answer(self, worker: socket.socket) -> None:
        try:
            request, fds, flags, _ = socket.recv_fds(worker, 4096, MOST_DESCRIPTORS)
        except OSError:
            request, fds, flags = b"", [], 0
        if not request:  # that worker is gone; the supervisors of its jobs see so as well, and end them
            self._workers.discard(worker)
            worker.close()
            return
        pid = -1
        try:
            # The system leaves out those that this process may not have: perhaps a lock that is to be held.
            if len(fds) < FEWEST_DESCRIPTORS or flags & socket.MSG_CTRUNC:
                raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
            pid = os.fork() if self._registry is not None else self._start_fresh(fds)
        except OSError as error:  # no memory or no processes left: not now, then; the others go on
            print(one_line(f"pfd: no process for a job: {error}"), file=sys.stderr)
            for control in fds[:1]:
                with contextlib.suppress(OSError):
                    os.write(control, pack({"short": str(error)}))
        if pid == 0:
            self._become_supervisor(fds)  # never returns
        if pid > 0:
            self._keepers.add(pid)
        for fd in fds:
            os.close(fd)

    def _retire(self) -> bool:
        """Take the socket away, so that the next worker starts a server anew; False where one has just connected."""
        try:
            with locked(self._path, self._home):
                waiting, _, _ = select.select([self._listening], [], [], 0)
                if waiting:
                    return False
                for suffix in (".sock", ".log", ".lock"):
                    self._path.with_suffix(suffix).unlink(missing_ok=True)
        except (OSError, QueueError):  # the folder has gone, and nobody finds this server any more
            return True
        remove_where_empty(self._path.parent)
        return True

    def _reap(self) -> None:
        """Collect ended supervisors, and end whatever a supervisor that was killed has left to us."""
        with contextlib.suppress(ChildProcessError):
            while (pid := os.waitpid(-1, os.WNOHANG)[0]) != 0:
                self._keepers.discard(pid)
        with contextlib.suppress(OSError):  # it takes open files to look: the next time, then
            self._end_leftovers()

    def _end_leftovers(self) -> None:
        for process in native.children():
            if process not in self._keepers:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)

    def _start_fresh(self, fds: Sequence[int]) -> int:
        process = start_fresh(fds, os.environ)
        process.returncode = 0  # its end is collected by `_reap`
        return process.pid

    def _become_supervisor(self, fds: Sequence[int]) -> None:
        """In the forked process: never returns."""
        assert self._registry is not None
        inherited: list[Waker | socket.socket] = [self._waker, self._listening, *self._workers]
        _become_supervisor(fds, self._pid, inherited, self._registry)


def _become_supervisor(
    fds: Sequence[int], server: int, inherited: Sequence[Waker | socket.socket], registry: Registry
) -> None:
    """In the forked process: never returns."""
    code = 1
    try:
        for one in inherited:  # the waker first: from here on signals are not the server's
            one.close()
        control_fd, channel_fd, output_fd, *_ = fds  # what else there is, is held by being open
        control = socket.socket(fileno=control_fd)

        def start() -> int:
            supervisor = os.getpid()
            with held_back():
                pid = os.fork()
                if pid == 0:
                    _become_job(supervisor, control_fd, channel_fd, output_fd, registry)  # never returns
            return pid

        native.die_with_parent(server, signal.SIGTERM)
        supervisor = Supervisor(control, start)
        os.close(channel_fd)
        os.close(output_fd)
        supervisor.run()
        code = 0
    except BaseException:  # there is nobody above to say it
        traceback.print_exc()
    finally:
        os._exit(code)


def _become_job(supervisor: int, control_fd: int, channel_fd: int, output_fd: int, registry: Registry) -> None:
    """In the job's own process: never returns."""
    code = 1
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.setsid()
        native.die_with_parent(supervisor, signal.SIGKILL)
        os.close(control_fd)
        null = os.open(os.devnull, os.O_RDONLY)
        for source, target in ((null, 0), (output_fd, 1), (output_fd, 2)):
            os.dup2(source, target)
        os.close(null)
        os.close(output_fd)
        gc.unfreeze()
        code = child.run(socket.socket(fileno=channel_fd), registry)
    except BaseException:  # there is nobody above to say it, and the log of the job is where it is looked for
        traceback.print_exc()
    finally:
        os._exit(code)


if __name__ == "__main__":
    main()
