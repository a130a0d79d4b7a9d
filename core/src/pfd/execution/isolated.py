"""One run of a job in a process of its own, seen from the worker."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import selectors
import signal
import socket
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pfd.execution import native
from pfd.execution.calling import Outcome
from pfd.execution.logfile import LogFile
from pfd.execution.processes import Processes
from pfd.job import Job, JobFailure
from pfd.queue import Ring
from pfd.settings import Settings
from pfd.task import Task

log = logging.getLogger("pfd.execution")

MEMORY_POLL = 0.5
SPAWN_PATIENCE = 300.0
"""Seconds that a warm server may take to import what a task preloads, and to make a process for it."""

EXIT_PATIENCE = 5.0
"""Seconds that a process may take to go away after it has said how its task ended."""


class IsolatedRun:
    """One run of a job in a process of its own, watched until nothing of that process is left.

    Parameters
    ----------
    on_progress, on_ring : are handed each report, and what the job submits; they return at once, since this thread
        enforces limits.
    environment : variables for this job beside those that all jobs get.
    held : descriptors that its processes hold for as long as they live.
    """

    def __init__(
        self,
        processes: Processes,
        settings: Settings,
        job: Job,
        task: Task,
        on_progress: Callable[[float, str, dict[str, Any]], None],
        on_ring: Callable[[Ring], None],
        environment: Mapping[str, str],
        held: tuple[int, ...] = (),
    ) -> None:
        self._processes = processes
        self._settings = settings
        self._job = job
        self._task = task
        self._on_progress = on_progress
        self._on_ring = on_ring
        self._environment = environment
        self._held = held
        self._control, self._their_control = socket.socketpair()
        self._channel, self._their_channel = socket.socketpair()
        self._output, self._their_output = os.pipe()
        self._wake, self._wake_in = socket.socketpair()
        self._wake_in.setblocking(False)  # one byte says as much as many, and the watch must not wait
        self._orders: list[str] = []
        self._unsent = memoryview(b"")
        self._buffers = {"control": b"", "channel": b""}
        self._pid: int | None = None
        self._keeper: int | None = None
        self._exit: int | None = None
        self._outcome: Outcome | None = None
        self._stop_reason: str | None = None
        self._kill_at: float | None = None
        self._killed_for: str | None = None
        self._stale = False

    def stop(self, reason: str) -> None:
        """Ask the task to stop, from any thread: `"cancel"`, or `"stale"` to end it at once."""
        self._orders.append(reason)
        with contextlib.suppress(OSError):
            self._wake_in.send(b"!")

    def run(self) -> Outcome:
        """Run to the end; blocks."""
        try:
            fds = (self._their_control.fileno(), self._their_channel.fileno(), self._their_output, *self._held)
            environment = self._processes.spawn(self._task.preload, fds)
            self._their_control.close()
            self._their_channel.close()
            os.close(self._their_output)
            self._their_output = -1
            order = {
                "job": asdict(self._job),
                "settings": self._settings.model_dump(mode="json"),
                "path": sys.path,
                "environment": {**environment, **self._environment},
                "folder": _folder(),
            }
            self._unsent = memoryview(json.dumps(order).encode() + b"\n")
            with LogFile(self._settings, self._job) as logfile:
                self._watch(logfile)
            return self._conclude()
        finally:
            self._close()

    def _watch(self, logfile: LogFile) -> None:
        began = time.monotonic()
        limit, patience = self._limits()
        limit_at: float | None = None
        spawned_by: float | None = began + SPAWN_PATIENCE
        memory_at = began + MEMORY_POLL if self._task.memory_limit else None
        with selectors.DefaultSelector() as selector:
            selector.register(self._control, selectors.EVENT_READ, "control")
            selector.register(self._channel, selectors.EVENT_READ | selectors.EVENT_WRITE, "channel")
            selector.register(self._output, selectors.EVENT_READ, "output")
            selector.register(self._wake, selectors.EVENT_READ, "wake")
            while True:
                alarms = [at for at in (limit_at, spawned_by, memory_at, self._kill_at) if at is not None]
                timeout = max(0.0, min(alarms) - time.monotonic()) if alarms else None
                for key, events in selector.select(timeout):
                    if events & selectors.EVENT_WRITE:
                        self._send(selector)
                    if events & selectors.EVENT_READ and not self._read(key.data, logfile):
                        selector.unregister(key.fileobj)
                        if key.data == "control":
                            self._drain(selector, logfile)
                            return
                now = time.monotonic()
                if spawned_by is not None and self._pid is not None:
                    # The task's time begins with its process: what a cold server takes to import is not its doing.
                    spawned_by = None
                    limit_at = None if limit is None else now + limit
                if spawned_by is not None and now >= spawned_by:
                    return  # no process was made; the keeper, should it come yet, finds its line cut
                if limit_at is not None and now >= limit_at:
                    limit_at = None
                    self._ask("time limit", patience)
                if memory_at is not None and now >= memory_at:
                    memory_at = now + MEMORY_POLL
                    self._check_memory()
                if self._kill_at is not None and now >= self._kill_at:
                    self._kill_at = None
                    self._kill(self._stop_reason or "end")

    def _send(self, selector: selectors.BaseSelector) -> None:
        """Send what to run, as far as it goes: it may be large, and the process that is to read it late or dead."""
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # it died at once; seen when read from
            self._unsent = self._unsent[self._channel.send(self._unsent, socket.MSG_DONTWAIT) :]
            if self._unsent:
                return
        selector.modify(self._channel, selectors.EVENT_READ, "channel")

    def _limits(self) -> tuple[float | None, float]:
        """Seconds after which the task is asked to stop, and from then to the end of its processes.

        With both limits given the hard one is when it is ended; one alone gives the task the grace period.
        """
        soft = self._job.options.get("soft_time_limit", self._task.soft_time_limit)
        hard = self._job.options.get("time_limit", self._task.time_limit)
        if soft is not None and hard is not None and soft < hard:
            return soft, hard - soft
        return (soft if hard is None else hard), self._settings.grace

    def _read(self, source: str, logfile: LogFile) -> bool:
        """Take in what a source has to say; False at its end."""
        if source == "wake":
            self._wake.recv(4096)
            while self._orders:
                reason = self._orders.pop(0)
                if reason == "stale":
                    self._stale = True
                    self._kill("stale")
                else:
                    self._ask(reason, self._settings.grace)
            return True
        if source == "output":
            data = os.read(self._output, 65536)
            logfile.write(data)
            return bool(data)
        connection = self._control if source == "control" else self._channel
        try:
            data = connection.recv(262144)
        except ConnectionResetError:
            data = b""
        *lines, self._buffers[source] = (self._buffers[source] + data).split(b"\n")
        for line in lines:
            self._hear(json.loads(line))
        return bool(data)

    def _hear(self, message: dict[str, Any]) -> None:
        if "pid" in message:
            self._pid, self._keeper = message["pid"], message["keeper"]
        elif "exit" in message:
            self._exit = message["exit"]
        elif "progress" in message:
            self._on_progress(*message["progress"])
        elif "ring" in message:
            self._on_ring(Ring(**message["ring"]))
        elif "end" in message:
            self._outcome = Outcome.from_message(message)
            self._kill_at = time.monotonic() + EXIT_PATIENCE

    def _drain(self, selector: selectors.BaseSelector, logfile: LogFile) -> None:
        """Read what is left in the pipes once the tree is gone; nobody holds their other ends any more."""
        # Or hardly anybody: where keeper and server were both killed, something may hold them still, and is not worth
        # waiting for.
        os.set_blocking(self._output, False)
        self._channel.setblocking(False)
        for key in list(selector.get_map().values()):
            if key.data in ("output", "channel"):
                with contextlib.suppress(BlockingIOError):
                    while self._read(key.data, logfile):
                        pass

    def _ask(self, reason: str, patience: float) -> None:
        if self._stop_reason is None and self._outcome is None:
            self._stop_reason = reason
            name = signal.SIGTERM if reason == "cancel" else signal.SIGXCPU
            self._tell({"signal": name.name})
            self._kill_at = time.monotonic() + patience

    def _kill(self, reason: str) -> None:
        if self._killed_for is None:
            self._killed_for = reason
            self._tell({"kill": True})

    def _tell(self, order: Mapping[str, Any]) -> None:
        with contextlib.suppress(OSError):
            self._control.sendall(json.dumps(order).encode() + b"\n")

    def _check_memory(self) -> None:
        limit = self._task.memory_limit
        if self._keeper is None or limit is None or self._outcome is not None:
            return
        if (used := native.tree_memory(self._keeper)) > limit:
            self._outcome = Outcome(
                "failed",
                failure=JobFailure(
                    "MemoryLimitExceeded",
                    f"the job's processes used {used / 2**20:.0f} MiB, more than the {limit / 2**20:.0f} MiB allowed",
                    hint="use a smaller batch or window",
                ),
            )
            self._kill("memory limit")

    def _conclude(self) -> Outcome:
        if self._stale:
            return Outcome("stale")
        if self._exit is None:
            self._make_sure()
            if self._outcome is None or self._outcome.kind == "stopped":
                return Outcome("lost", failure=JobFailure("WorkerLost", "the job's process was ended from outside"))
        # What a task raises once it was asked to stop came of that: many a library turns one exception into another.
        asked = self._stop_reason is not None and self._killed_for != "memory limit"
        if (
            self._outcome is not None
            and self._outcome.kind != "stopped"
            and not (asked and self._outcome.kind == "failed")
        ):
            return self._outcome
        last = self._outcome.last if self._outcome else None
        if self._stop_reason is not None:
            reason = JobFailure("CancelRequested", self._stop_reason)
            return Outcome("stopped", failure=reason, last=last)
        if self._outcome is not None:
            # A stop that nobody here asked for, as when a service manager signals the whole group.
            return Outcome("lost", failure=JobFailure("WorkerLost", "the job's process was told to stop from outside"))
        return self._died()

    def _died(self) -> Outcome:
        code = self._exit or 0
        if code in (-signal.SIGKILL, -signal.SIGTERM, -signal.SIGINT, -signal.SIGHUP):
            name = signal.Signals(-code).name
            return Outcome("lost", failure=JobFailure("WorkerLost", f"the job's process was ended by {name}"))
        if code < 0:
            message = f"the job's process crashed with {signal.Signals(-code).name}"
            hint = "a fault in compiled code; 'pfd logs' shows what it printed"
        else:
            message = f"the job's process ended with exit code {code} before the task returned"
            hint = "does the task, or a library it uses, call os._exit()? 'pfd logs' shows what it printed"
        return Outcome("failed", failure=JobFailure("ProcessDied", message, hint=hint))

    def _make_sure(self) -> None:
        """The keeper is gone without a word; the kernel ends the job's process with it.  Wait until that is so."""
        if self._pid is None:
            return
        try:
            handle = os.pidfd_open(self._pid)
        except (OSError, AttributeError):
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._pid, signal.SIGKILL)
        with selectors.DefaultSelector() as selector:
            selector.register(handle, selectors.EVENT_READ)
            selector.select(EXIT_PATIENCE)
        os.close(handle)

    def _close(self) -> None:
        pairs = (self._control, self._their_control, self._channel, self._their_channel, self._wake, self._wake_in)
        for connection in pairs:
            connection.close()
        for fd in (self._output, self._their_output):
            if fd >= 0:
                os.close(fd)


def _folder() -> str:
    try:
        return str(Path.cwd())
    except FileNotFoundError:  # it was removed under the worker
        return os.sep
