"""The warm server: a program that has the heavy imports done and makes a process for each job by forking.

One a worker and import profile, started with `python -m`, so that the caller's `__main__` never runs again.  It is
single-threaded; CUDA is never initialised in it.  Requests come over a socket whose messages carry the three file
descriptors of a job: control, channel, output.  When that socket closes, the worker is gone, and so is the server.

The first message has no descriptors: `{"settings": …, "preload": […], "path": […]}`.
First answer: `{"ready": true, "failed": {"module": "why"}}`.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import select
import signal
import socket
import sys
import traceback
from collections.abc import Sequence
from typing import Any

from pfd.execution import child, native
from pfd.execution.keeper import Keeper
from pfd.plugins import Registry, load_registry
from pfd.settings import Settings

ORDER_BYTES = 1 << 20


def main() -> None:
    """Entry point: `python -m pfd.execution.server FD`."""
    listening = socket.socket(fileno=int(sys.argv[1]))
    order: dict[str, Any] = json.loads(listening.recv(ORDER_BYTES))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to the worker, which says what becomes of its jobs
    native.adopt_orphans()
    sys.path[:] = order["path"]
    registry = load_registry(Settings(**order["settings"]))
    failed = preload(["sqlalchemy.orm", "pfd.store.store", "pfd.context", *order["preload"]])
    gc.collect()
    gc.freeze()  # objects that live as long as the server are not worth a copy in each child
    listening.sendall(json.dumps({"ready": True, "failed": failed}).encode())
    serve(listening, registry)


def preload(modules: Sequence[str]) -> dict[str, str]:
    """Import what can be imported; what cannot comes back with its reason, and each job will say so itself."""
    failed = {}
    for module in modules:
        try:
            importlib.import_module(module)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # an import can raise anything, SystemExit as well
            failed[module] = f"{type(error).__name__}: {error}"
    return failed


def serve(listening: socket.socket, registry: Registry) -> None:
    """Fork a keeper for each request until the worker is gone."""
    wake, wake_in = os.pipe()
    for end in (wake, wake_in):
        os.set_blocking(end, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake_in, warn_on_full_buffer=False)
    server = os.getpid()
    keepers: set[int] = set()
    while True:
        sources: list[Any] = [listening, wake]
        readable, _, _ = select.select(sources, [], [])
        if wake in readable:
            with contextlib.suppress(BlockingIOError):
                os.read(wake, 4096)
            _reap(keepers)
        if listening in readable:
            request, fds, _, _ = socket.recv_fds(listening, 4096, 3)
            if not request:
                return  # the keepers see the same end of file, and end their jobs
            try:
                pid = os.fork()
            except OSError as error:  # no memory or no processes left: this job is lost, the others go on
                print(f"pfd: no process for a job: {error}", file=sys.stderr)
                pid = -1
            if pid == 0:
                _become_keeper(fds, server, (wake, wake_in, listening.fileno()), registry)
            if pid > 0:
                keepers.add(pid)
            for fd in fds:
                os.close(fd)


def _reap(keepers: set[int]) -> None:
    """Collect ended keepers, and end whatever a keeper that was killed has left to us."""
    with contextlib.suppress(ChildProcessError):
        while (pid := os.waitpid(-1, os.WNOHANG)[0]) != 0:
            if pid in keepers:
                keepers.discard(pid)
    for process in native.children():
        if process not in keepers:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)


def _become_keeper(fds: Sequence[int], server: int, inherited: Sequence[int], registry: Registry) -> None:
    """In the forked process: never returns."""
    code = 1
    try:
        signal.set_wakeup_fd(-1)
        for fd in inherited:
            os.close(fd)
        control_fd, channel_fd, output_fd = fds
        control = socket.socket(fileno=control_fd)

        def start() -> int:
            keeper = os.getpid()
            pid = os.fork()
            if pid == 0:
                _become_job(keeper, control_fd, channel_fd, output_fd, registry)
            return pid

        native.die_with_parent(server, signal.SIGTERM)
        keeper = Keeper(control, start)
        os.close(channel_fd)
        os.close(output_fd)
        keeper.run()
        code = 0
    except BaseException:  # there is nobody above to say it
        traceback.print_exc()
    finally:
        os._exit(code)


def _become_job(keeper: int, control_fd: int, channel_fd: int, output_fd: int, registry: Registry) -> None:
    """In the job's own process: never returns."""
    code = 1
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.setsid()
        native.die_with_parent(keeper, signal.SIGKILL)
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
