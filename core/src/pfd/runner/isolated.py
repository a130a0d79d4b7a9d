"""One run of a job in its own process, seen from the worker."""

from __future__ import annotations

import contextlib
import functools
import logging
import math
import os
import selectors
import signal
import socket
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from pfd.errors import StopReason
from pfd.hooks import JobStart
from pfd.job import JobFailure
from pfd.logs.log_file import LogFile
from pfd.notify import Wakeup
from pfd.runner import ipc, json_lines, shortage, supervisor
from pfd.runner.call import Outcome, OutcomeKind
from pfd.runner.ipc import Begun, Progress
from pfd.runner.json_lines import JsonLines, NotAMessage
from pfd.runner.memory_watch import MemoryWatch
from pfd.runner.process_tree import Tree
from pfd.runner.spawner import Processes
from pfd.runner.standing import Standing
from pfd.waker import Waker

log = logging.getLogger("pfd.worker")

SPAWN_PATIENCE = 300.0
"""Seconds that a warm server may take to import what a task preloads, and to make a process for it."""

SPAWN_POLL = 1.0
"""Seconds between looks at a warm server that has not made a process yet."""

EXIT_PATIENCE = 5.0
"""Seconds that a process may take to go away after it has said how its task ended."""

REPORT_PATIENCE = 1.0
"""Seconds that a supervisor may take to say that its job's process has ended, before it is told to end what is left."""

SUPERVISOR_PATIENCE = 3.0
"""Seconds that a supervisor may take to end its job's processes when told to; then the worker does."""


class IsolatedRun:
    """One run of a job in its own process, watched until nothing of that process is left.

    Parameters
    ----------
    start : its `environment` holds variables for this job beside those that all jobs get.
    on_progress, on_wakeup : are handed each report, and what the job submits; they return at once, since this thread
        enforces limits.
    on_standing : is handed what the job waits for before its task is called, and the empty text once it is.
    held : descriptors that its processes hold for as long as they live.
    """

    def __init__(
        self,
        processes: Processes,
        start: JobStart,
        on_progress: Callable[[float, str, dict[str, Any]], None],
        on_wakeup: Callable[[Wakeup], None],
        on_standing: Callable[[str], None],
        held: tuple[int, ...] = (),
    ) -> None:
        self._processes = processes
        self._settings, self._job, self._task = start.settings, start.job, start.task
        self._on_progress = on_progress
        self._on_wakeup = on_wakeup
        self._standing = Standing(start.task, on_standing)
        self._environment = start.environment
        self._held = held
        # All that the watch needs is had before there is a process to be watched, or nothing is.
        with contextlib.ExitStack() as opened:
            self._selector = opened.enter_context(selectors.DefaultSelector())
            self._control, self._their_control = map(opened.enter_context, socket.socketpair())
            self._channel, self._their_channel = map(opened.enter_context, socket.socketpair())
            self._waker = opened.enter_context(Waker())
            self._output, self._their_output = os.pipe()
            opened.pop_all()
        self._orders: list[StopReason] = []
        self._unsent = memoryview(b"")
        parse = functools.partial(ipc.parse, max_result_bytes=self._settings.max_result_bytes)
        self._said = JsonLines(ipc.longest(self._settings.max_result_bytes), parse)
        self._kept = JsonLines(supervisor.LONGEST, json_lines.unpack)
        self._memory: MemoryWatch | None = None
        self._tree: Tree | None = None
        self._exit: int | None = None
        self._outcome: Outcome | None = None
        self._verdict: Outcome | None = None
        self._stop_reason: StopReason | None = None
        self._kill_at: float | None = None
        self._end_at: float | None = None
        self._killed = False
        self._lacking: str | None = None
        self._made = False
        self._stale = False

    def stop(self, reason: StopReason) -> None:
        """Ask the task to stop, from any thread; STALE ends it at once."""
        self._orders.append(reason)
        self._waker.wake()

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
                "settings": self._settings.handed_on(),
                "path": sys.path,
                "environment": {**environment, **self._environment},
                "folder": _folder(),
            }
            self._unsent = memoryview(json_lines.pack(order))
            with LogFile(self._settings, self._job) as logfile:
                self._watch(logfile)
            return self._conclude()
        except Exception as error:
            if self._tree is not None and self._exit is None:
                self._tree.end()  # whatever becomes of the job now, this run of it is over
            if (what := shortage.cause(error)) is None:
                raise
            return self._cut_short(what)
        finally:
            self._close()

    def _watch(self, logfile: LogFile) -> None:
        began = time.monotonic()
        limit, patience = self._limits()
        limit_at: float | None = None
        spawned_by = began + SPAWN_PATIENCE
        server_at: float | None = began + SPAWN_POLL
        self._standing.begin(began)
        with self._selector as selector:
            selector.register(self._control, selectors.EVENT_READ, "control")
            selector.register(self._channel, selectors.EVENT_READ, "channel")
            selector.register(self._output, selectors.EVENT_READ, "output")
            selector.register(self._waker, selectors.EVENT_READ, "wake")
            while True:
                look_at = None if self._memory is None else self._memory.next_at
                alarms = (limit_at, server_at, look_at, self._standing.next_at, self._kill_at, self._end_at)
                next_at = min((at for at in alarms if at is not None), default=None)
                timeout = None if next_at is None else max(0.0, next_at - time.monotonic())
                for key, events in selector.select(timeout):
                    if events & selectors.EVENT_WRITE:
                        self._send(selector)
                    if events & selectors.EVENT_READ and not self._read(key.data, logfile):
                        selector.unregister(key.fileobj)
                        if key.data == "control":
                            self._drain(selector, logfile)
                            return
                now = time.monotonic()
                if self._tree is None:
                    if now >= spawned_by:
                        self._lacking = f"no process was made for it in {SPAWN_PATIENCE:.0f} s"
                    if self._stop_reason is not None or self._stale or now >= spawned_by:
                        return  # no process was made; the supervisor, should it come yet, finds its line cut
                elif server_at is not None:
                    # The task's time begins with its process: what a cold server takes to import is not its doing.
                    server_at = None
                    limit_at = None if limit is None else now + limit
                    # Sent only now: a process that is made when its line is cut already has nothing to run.
                    if self._channel in selector.get_map():  # else it died at birth, and its end was read first
                        selector.modify(self._channel, selectors.EVENT_READ | selectors.EVENT_WRITE, "channel")
                    if self._tree.job is not None:
                        selector.register(self._tree.job, selectors.EVENT_READ, "job")
                if server_at is not None and now >= server_at:
                    server_at = now + SPAWN_POLL
                    self._processes.resume(self._task.preload)
                self._standing.look(now, has_process=self._tree is not None)
                if limit_at is not None and now >= limit_at:
                    limit_at = None
                    self._ask(StopReason.TIME_LIMIT, patience)
                if self._memory is not None and now >= self._memory.next_at and (what := self._memory.exceeded(now)):
                    self._condemn("MemoryLimitExceeded", what, hint="use a smaller batch or window")
                if self._kill_at is not None and now >= self._kill_at:
                    self._kill_at = None
                    self._kill()
                if self._end_at is not None and now >= self._end_at and self._tree is not None:
                    log.warning("job %s: its supervisor does not act, so its worker ends its processes", self._job.id)
                    self._tree.end()
                    self._drain(selector, logfile)
                    return

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
            self._waker.drain()
            while self._orders:
                reason = self._orders.pop(0)
                if reason is StopReason.STALE:
                    self._stale = True
                    self._kill()
                else:
                    self._ask(reason, self._settings.grace)
            return True
        if source == "output":
            data = os.read(self._output, 65536)
            logfile.write(data)
            return bool(data)
        if source == "job":  # its process has ended, which its supervisor is about to say
            self._kill_at = min(self._kill_at or math.inf, time.monotonic() + REPORT_PATIENCE)
            return False
        connection = self._control if source == "control" else self._channel
        try:
            data = connection.recv(262144)
        except ConnectionResetError:
            data = b""
        if source == "control":
            for order in self._kept.take(data):
                self._hear_supervisor(order)
            return bool(data)
        try:
            for message in self._said.take(data):
                self._hear_job(message)
        except NotAMessage as error:
            self._condemn(
                "BrokenChannel",
                f"the job's process wrote something else into the line to its worker: {error}",
                hint="does the task, or a library it uses, write to file descriptors that it did not open?",
            )
            return False  # nothing that comes after it can be trusted
        return bool(data)

    def _hear_supervisor(self, message: dict[str, Any]) -> None:
        if "pid" in message:
            self._made = True
            self._tree = Tree(message["supervisor"], message["pid"])
            if self._task.memory_limit is not None:
                self._memory = MemoryWatch(self._job.id, message["supervisor"], self._task.memory_limit)
        elif "short" in message:
            self._lacking = message["short"]
        elif "exit" in message:
            self._exit = message["exit"]

    def _hear_job(self, message: ipc.Message) -> None:
        if self._outcome is not None:
            return
        self._standing.over()  # a task that was never called has ended as well
        if isinstance(message, Begun):
            self._standing.called()
        elif isinstance(message, Progress):
            self._on_progress(message.fraction, message.status, message.meta)
        elif isinstance(message, Wakeup):
            self._on_wakeup(message)
        else:
            self._outcome = message
            self._memory = None  # what its process takes until it is gone changes nothing any more
            self._kill_at = time.monotonic() + EXIT_PATIENCE

    def _drain(self, selector: selectors.BaseSelector, logfile: LogFile) -> None:
        """Read what is left in the pipes once the tree is gone; nobody holds their other ends any more."""
        # Or hardly anybody: where supervisor and server were both killed, something may hold them still, and is not
        # worth waiting for.
        os.set_blocking(self._output, False)
        self._channel.setblocking(False)
        for key in list(selector.get_map().values()):
            if key.data in ("output", "channel"):
                with contextlib.suppress(BlockingIOError):
                    while self._read(key.data, logfile):
                        pass

    def _ask(self, reason: StopReason, patience: float) -> None:
        if self._stop_reason is None and self._outcome is None:
            self._stop_reason = reason
            name = signal.SIGTERM if reason is StopReason.CANCEL else signal.SIGXCPU
            self._tell({"signal": name.name})
            self._kill_at = time.monotonic() + patience

    def _kill(self) -> None:
        if not self._killed:
            self._killed = True
            self._end_at = time.monotonic() + SUPERVISOR_PATIENCE
            self._tell({"kill": True})

    def _condemn(self, kind: str, message: str, hint: str) -> None:
        """End the job for something that it does; of one that was asked to stop before, that is still why it ends."""
        if self._outcome is None and self._stop_reason is None:
            self._verdict = Outcome(OutcomeKind.FAILED, failure=JobFailure(kind, message, hint=hint))
        self._kill()

    def _tell(self, order: Mapping[str, Any]) -> None:
        with contextlib.suppress(OSError):
            self._control.sendall(json_lines.pack(order))
        if self._tree is not None:
            self._tree.resume_supervisor()

    def _conclude(self) -> Outcome:
        if self._exit is None and self._tree is not None:
            # The supervisor is gone without a word; the kernel ends the job's process with it, and its server the rest.
            self._processes.resume(self._task.preload)
            self._tree.end()
        if self._stale:
            return Outcome(OutcomeKind.STALE)
        if not self._made and self._lacking is not None and self._stop_reason is None:
            return self._cut_short(self._lacking)
        if self._verdict is not None:
            return self._verdict
        # What a task raises once it was asked to stop came of that: many a library turns one exception into another.
        asked = self._stop_reason is not None
        if (
            self._outcome is not None
            and self._outcome.kind != OutcomeKind.STOPPED
            and not (asked and self._outcome.kind == OutcomeKind.FAILED)
        ):
            return self._outcome
        last = self._outcome.last if self._outcome else None
        if self._stop_reason is not None:
            return Outcome(OutcomeKind.STOPPED, last=last, stopped_for=self._stop_reason)
        if self._exit is None:
            return Outcome.lost("the job's process was ended from outside")
        if self._outcome is not None:
            # A stop that nobody here asked for, as when a service manager signals the whole group.
            return Outcome.lost("the job's process was told to stop from outside")
        return self._died()

    def _cut_short(self, what: str) -> Outcome:
        """The worker lacks what it takes to begin the job; or to see it to its end, which is a loss."""
        short = Outcome.short(what)
        return replace(short, kind=OutcomeKind.LOST) if self._made else short

    def _died(self) -> Outcome:
        code = self._exit or 0
        if code in (-signal.SIGKILL, -signal.SIGTERM, -signal.SIGINT, -signal.SIGHUP):
            name = signal.Signals(-code).name
            return Outcome.lost(f"the job's process was ended by {name}")
        if code < 0:
            message = f"the job's process crashed with {signal.Signals(-code).name}"
            hint = "a fault in compiled code; 'pfd logs' shows where Python called it"
        else:
            message = f"the job's process ended with exit code {code} before the task returned"
            hint = "does the task, or a library it uses, call os._exit()? 'pfd logs' shows what it printed"
        return Outcome(OutcomeKind.FAILED, failure=JobFailure("ProcessDied", message, hint=hint))

    def _close(self) -> None:
        self._selector.close()
        pairs = (self._control, self._their_control, self._channel, self._their_channel)
        for connection in (*pairs, self._waker):
            connection.close()
        if self._tree is not None:
            self._tree.close()
        for fd in (self._output, self._their_output):
            if fd >= 0:
                os.close(fd)


def _folder() -> str:
    try:
        return str(Path.cwd())
    except FileNotFoundError:  # it was removed under the worker
        return os.sep
