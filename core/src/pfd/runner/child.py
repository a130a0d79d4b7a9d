"""The job's own process: reads what to run from its channel, runs it, and says how it went.

Channel, one JSON object a line.  From the worker, once:
`{"job": …, "settings": …, "path": …, "environment": …, "folder": …}`.
`settings` and `path` (the worker's `sys.path`) matter to a fresh interpreter only; a warm server has them already.
Environment and working directory are the worker's: that of a warm server may be another one's.
To the worker, once the task is loaded: `{"begun": true}`; any number of times:
`{"progress": [fraction, status, meta]}`, and `{"wakeup": {…}}` for a job that this one has submitted; then one of
`{"end": "done", "result": "<json>"}`, `{"end": "failed", "failure": {…}, "retry": bool}`, `{"end": "stopped"}`,
each with `"last": [fraction, status, meta] | null`.
"""

from __future__ import annotations

import atexit
import contextlib
import faulthandler
import fcntl
import io
import logging
import os
import socket
import sys
import threading
import traceback
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, TextIO

from pfd.context import TaskContext
from pfd.job import Job, State
from pfd.lifecycle import ProcessKind, ProcessStart
from pfd.logs.job_logger import FORMAT, JobLogger, is_new
from pfd.modes import take_umask
from pfd.notify import Wakeup
from pfd.plugins import Registry, load_registry
from pfd.runner import call, native
from pfd.runner.json_lines import pack, receive
from pfd.runner.stop import Stop
from pfd.settings import Settings
from pfd.store.encoding import encode

OUT_OF_THE_WAY = 900
"""Descriptors from here on are hardly ever a program's own, and nearly every system allows so many."""


class Channel:
    """The job's end of the line to its owner."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = _out_of_the_way(connection)
        self._lock = threading.Lock()

    def read(self) -> dict[str, Any]:
        return receive(self._connection)

    def say(self, message: Mapping[str, Any]) -> None:
        line = pack(message, encode)
        with self._lock:
            self._connection.sendall(line)


def _out_of_the_way(connection: socket.socket) -> socket.socket:
    """The same with a descriptor that the task does not take for one of its own, and that its programs do not get."""
    try:
        descriptor = _out_of_reach(connection.fileno())
    except OSError:  # so many are not allowed
        os.set_inheritable(connection.fileno(), False)
        return connection
    connection.close()
    return socket.socket(fileno=descriptor)


def _out_of_reach(descriptor: int) -> int:
    return fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, OUT_OF_THE_WAY)


def _to_the_log(descriptor: int) -> io.TextIOWrapper:
    """A standard stream as `python -u` has it, in the encoding of logs, whatever that of the worker's terminal is."""
    raw = os.fdopen(descriptor, "wb", buffering=0, closefd=False)
    return io.TextIOWrapper(raw, encoding="utf-8", errors="backslashreplace", write_through=True)


class _ThroughTheWorker:
    """The runtime as a job's own process has it: its worker passes wakeups on."""

    name = "worker"

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    def notify(self, wakeup: Wakeup) -> None:
        self._channel.say({"wakeup": asdict(wakeup)})


def run(connection: socket.socket, registry: Registry | None = None) -> int:
    """Run the job that the worker names.  Returns the exit code of the process."""
    stop = Stop()
    sys.stdout, sys.stderr = _to_the_log(1), _to_the_log(2)
    faulthandler.enable()  # what Python was doing when compiled code crashes, for the log
    native.prefer_for_oom()
    channel = Channel(connection)
    order = channel.read()
    os.environ.clear()
    os.environ.update(order["environment"])
    with contextlib.suppress(OSError):  # it is gone: what the task makes of that is for its log
        os.chdir(order["folder"])
    settings = Settings.received(order["settings"])
    take_umask(settings.share)
    if registry is None:
        sys.path[:] = order["path"]
        registry = load_registry(settings)
    registry.notify("pfd_process_start", start=ProcessStart(ProcessKind.JOB, settings))
    job = Job(**order["job"] | {"state": State(order["job"]["state"])})
    logger = _set_up_logging(job)
    stores = call.LateStore(settings, registry)
    context = TaskContext(
        job,
        settings,
        send=lambda fraction, status, meta: channel.say({"progress": [fraction, status, meta]}),
        log=logger,
        stopping=lambda: stop.reason,
        registry=registry,
        store=stores,
        runtime=_ThroughTheWorker(channel),
    )
    outcome = call.call(registry, job, context, guard=stop, begun=lambda: channel.say({"begun": True}))
    channel.say(outcome.to_message())
    stores.close()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    # Not the ordinary end of an interpreter, which would wait for whatever threads the task has left behind.
    atexit._run_exitfuncs()  # noqa: SLF001  (the only way to run them before os._exit)
    return 0


def _set_up_logging(job: Job) -> JobLogger:
    """Have all loggers write to the log of the job, and the one of the task whatever becomes of the others."""
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format=FORMAT, force=True)
    logging.root.handlers[0].addFilter(is_new)
    stream: TextIO = sys.stderr
    with contextlib.suppress(OSError):  # so many descriptors are not allowed
        # Not over what the task may close, or point elsewhere.
        stream = os.fdopen(_out_of_reach(2), "w", buffering=1, encoding="utf-8", errors="backslashreplace")
    logger = JobLogger(job.task, logging.StreamHandler(stream))
    logger.parent = logging.root  # handlers that a task or a library adds hear of it as well
    return logger


def main() -> None:
    """A job in a fresh interpreter: `python -m pfd.runner.child FD`."""
    connection = socket.socket(fileno=int(sys.argv[1]))
    code = 1
    try:
        code = run(connection)
    except BaseException:  # the log of the job is where it is looked for
        traceback.print_exc()
    finally:
        os._exit(code)


if __name__ == "__main__":
    main()
