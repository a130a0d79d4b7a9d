"""Following jobs: bars that are redrawn on a terminal, a line for each change elsewhere; and who runs them."""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, Self

from pfd.bars import LINE_EVERY, Redrawn, bar, bar_width
from pfd.cli.output import span
from pfd.cli.served import no_worker, unserved
from pfd.cli.state import Session
from pfd.console import STYLES, echo, on_terminal, one_line
from pfd.errors import StoreError
from pfd.job import ENDED, LIVE, QUEUED, RUNNING, Job, State

if TYPE_CHECKING:
    from pfd.client.handle import JobHandle
    from pfd.runtimes.local import Worker

POLL_FIRST, POLL_MOST = 0.01, 0.2
LOOK_EVERY = 2.0
"""Seconds between looks whether the jobs that are waited for still have a worker."""

OTHERS = 8 + 4 + 6 + 5 * 2
"""Characters of a line for state, share, time and what stands between the columns."""

STATUS = 28
"""Characters of a status before any of a bar is shown."""


class Display(Protocol):
    """Where jobs are shown while they run."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *exc: object) -> None: ...

    def show(self, jobs: Mapping[str, Job | None]) -> None:
        """Show the jobs by name; None stands for one that is yet to be submitted."""

    def say(self, text: str, style: str = "") -> None:
        """Print a line that stays."""


def open_display(*, err: bool = False) -> Display:
    """A display on standard output, or on standard error where the output is a result that others may read."""
    return _Bars(err) if on_terminal(sys.stderr if err else None) else _Lines(err)


class _Bars:
    """One bar a job, redrawn in place."""

    def __init__(self, err: bool) -> None:
        self._jobs: Mapping[str, Job | None] = {}
        # What an error breaks off stays as well: it says where that came from.
        self._shown = Redrawn(self._render, err=err, stays=True)

    def __enter__(self) -> Self:
        self._shown.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._shown.__exit__(*error)

    def show(self, jobs: Mapping[str, Job | None]) -> None:
        self._jobs = dict(jobs)

    def say(self, text: str, style: str = "") -> None:
        self._shown.say(text, style)

    def _render(self, line: int) -> Any:
        from rich.table import Table
        from rich.text import Text

        width = self._room(line)
        grid = Table.grid(padding=(0, 2, 0, 0), expand=True)
        grid.add_column(no_wrap=True)
        grid.add_column(no_wrap=True, width=8)
        if width:
            grid.add_column(no_wrap=True, width=width)
        grid.add_column(no_wrap=True, justify="right", width=4)
        grid.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
        grid.add_column(no_wrap=True, justify="right")
        for name, job in self._jobs.items():
            if job is None:
                cells: list[Any] = [Text(one_line(name), "dim"), "", "", "", "", ""]
            else:
                state = Text(job.state.value, STYLES[job.state])
                share = f"{job.progress:.0%}" if job.progress or job.state in ENDED else ""
                cells = [
                    Text(one_line(name)),
                    state,
                    self._bar(job, width),
                    share,
                    Text(standing(job), "dim"),
                    span(elapsed(job)),
                ]
            if not width:
                del cells[2]
            grid.add_row(*cells)
        return grid

    def _room(self, line: int) -> int:
        """Characters that the bars get: what names and statuses leave of a line, or none where that is too short."""
        name = max((len(one_line(name)) for name in self._jobs), default=0)
        return bar_width(line - name - OTHERS - STATUS)

    def _bar(self, job: Job, width: int) -> Any:
        if job.state in QUEUED:
            return ""
        done = 1.0 if job.state is State.SUCCESS else job.progress
        return bar(
            done,
            width,
            style=STYLES[job.state] if job.state in ENDED else "cyan",
            pulse=job.state is State.STARTED and not done,
        )


class _Lines:
    """One line a change, for logs and pipes."""

    def __init__(self, err: bool) -> None:
        self._err = err
        self._shown: dict[str, tuple[Any, float]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is to be taken away."""

    def show(self, jobs: Mapping[str, Job | None]) -> None:
        for name, job in jobs.items():
            if job is None:
                continue
            key = (job.id, State.STARTED if job.state is State.PROGRESS else job.state, job.claim)
            told, at = self._shown.get(name, (None, 0.0))
            now = (key, job.progress, job.status)
            moved = told is None or told[0] != key
            if moved or (told != now and time.monotonic() - at >= LINE_EVERY):
                self._shown[name] = (now, time.monotonic())
                self.say(line(name, job))

    def say(self, text: str, style: str = "") -> None:  # noqa: ARG002  (a pipe has no colours)
        echo(one_line(text), err=self._err)


def line(name: str, job: Job) -> str:
    """A job in one line of plain text."""
    share = f"{job.progress:4.0%}" if job.state in LIVE and job.progress else ""
    took = f"in {span(elapsed(job))}" if job.state in ENDED and job.started_at else ""
    return "  ".join(part for part in (one_line(name), job.state.value, share, standing(job), took) if part)


def standing(job: Job) -> str:
    """What there is to say about a job beside its state: what it reports, what it waits for, why it failed."""
    if job.damage:
        return f"its row is damaged: {', '.join(job.damage)}"
    if job.state in QUEUED:
        if job.waiting:
            return f"waits for {job.waiting} job{'s' if job.waiting > 1 else ''}"
        if (wait := job.due_at - time.time()) > 1:
            return f"not before {span(wait)} from now"
        again = "queued again" if job.state is State.RETRY else "queued"
        return f"{again}, for a gpu slot" if job.gpu else again
    if job.state in ENDED:
        return one_line(job.failure.message) if job.failure else ""
    if job.cancel_requested:
        return "is being cancelled"
    return one_line(job.status)


def elapsed(job: Job) -> float | None:
    """Seconds that the latest run of a job has taken."""
    if job.started_at is None:
        return None
    return max(0.0, (job.ended_at or time.time()) - job.started_at)


def named(job: Job) -> str:
    """How a job is called on its own display."""
    return f"{job.task} {job.id[:8]}"


class Attendant:
    """Sees to it that somebody runs what is waited for: a live worker where one serves the queue, else one in here.

    Parameters
    ----------
    here : whether a worker may be started in this process.  It takes only what this process has submitted.
    """

    def __init__(self, session: Session, display: Display, *, here: bool, slots: int = 1) -> None:
        self._session = session
        self._display = display
        self._here = here
        self._slots = slots
        self._next = 0.0
        self._warned = False
        self._signals = contextlib.ExitStack()
        self.worker: Worker | None = None

    def __enter__(self) -> Self:
        self._signals.enter_context(interrupted_by(signal.SIGTERM, signal.SIGHUP))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._signals:
            if self.worker is None:
                return
            if kind is None:
                self.worker.stop()
                return
            try:
                if self.worker.engine is not None and self.worker.engine.busy:
                    self._display.say("stopping what runs in this process …")
            except OSError:
                pass  # its terminal has been closed
            finally:
                self.worker.stop(0.0)

    def look(self, jobs: Collection[Job]) -> None:
        """Look whether each job that has not ended has somebody to run it."""
        if self.worker is not None or time.monotonic() < self._next:
            return
        self._next = time.monotonic() + LOOK_EVERY
        reclaim(self._session, jobs)
        lonely = unserved(self._session, [job for job in jobs if job.state in LIVE])
        if not lonely:
            return
        from pfd.client.dispatcher import process_client_id

        if self._here and any(job.client_id == process_client_id() for job in lonely):
            self.worker = self._start({job.queue for job in lonely})
            if self.worker.engine is not None and self.worker.engine.gpus:
                return
            lonely = [job for job in lonely if job.gpu]  # for which the one in here has no slot either
        if lonely and not self._warned:
            self._warned = True
            for text in no_worker(lonely):
                self._display.say(text, "yellow")

    def _start(self, queues: set[str]) -> Worker:
        from pfd.client.dispatcher import process_client_id
        from pfd.runtimes.local import Worker

        registry = self._session.registry
        served = sorted({"default", *queues, *(task.queue for task in registry.tasks.values())})
        return Worker(
            self._session.settings, self._slots, tuple(served), process_client_id(), registry=registry
        ).start()


@contextlib.contextmanager
def interrupted_by(*numbers: int) -> Iterator[None]:
    """Within the block the first of these signals does as Ctrl-C, unless it was ignored before; further ones nothing.

    Of one terminal that closes the kernel tells, and the shell as well.
    """
    if threading.current_thread() is not threading.main_thread():  # where Python hears of none
        numbers = ()
    before = {number: signal.getsignal(number) for number in numbers}
    # One that was set from C has no handler here, and could not be put back.
    heard = [number for number, handler in before.items() if handler not in (signal.SIG_IGN, None)]

    def interrupt(*_: object) -> None:
        for number in heard:
            signal.signal(number, lambda *_: None)  # not ignored: programs that are started would inherit that
        raise KeyboardInterrupt

    for number in heard:
        signal.signal(number, interrupt)
    try:
        yield
    finally:
        for number in heard:
            signal.signal(number, before[number])


def reclaim(session: Session, jobs: Iterable[Job]) -> bool:
    """Where any of the jobs runs, take those of dead workers back; whether there were any."""
    if any(job.state in RUNNING for job in jobs):
        with contextlib.suppress(StoreError):  # of a store that can only be read, say: it is seen all the same
            return bool(session.dispatcher.reclaim())
    return False


def follow(
    display: Display,
    handles: Mapping[str, JobHandle],
    attendant: Attendant,
    *,
    timeout: float | None = None,
    others: Mapping[str, Job | None] | None = None,
    tell_end: bool = True,
) -> dict[str, Job]:
    """Show jobs until all have ended; how they ended, by name.

    Parameters
    ----------
    timeout : seconds after which `TimeoutError` is raised.
    others : further jobs to show, which are not waited for; where a name is in both, the place is the one in here.
    tell_end : whether the ends are shown, too.
    """
    from pfd.end_signal import job_ended

    deadline = None if timeout is None else time.monotonic() + timeout
    pause = POLL_FIRST
    jobs: dict[str, Job] = {}
    while True:
        seen = job_ended.count
        for name, handle in handles.items():
            if name not in jobs or jobs[name].state not in ENDED:
                jobs[name] = handle.job
        over = all(job.state in ENDED for job in jobs.values())
        if tell_end or not over:
            display.show({**(others or {}), **jobs})
        if over:
            return jobs
        left = pause if deadline is None else min(pause, deadline - time.monotonic())
        if left <= 0:
            raise TimeoutError(f"not ended after {timeout:g} s")
        attendant.look(jobs.values())
        job_ended.wait(seen, left)
        pause = min(POLL_MOST, pause * 1.5)


def left_behind(session: Session, ref: str) -> str:
    """What becomes of a job that is no longer waited for, in words."""
    job = session.dispatcher.job(ref)
    short = job.id[:8]
    if job.state in ENDED:
        return f"job {short} had already ended: {job.state}; 'pfd job {short}' shows it"
    if not unserved(session, [job]):
        return f"job {job.id} goes on; 'pfd watch {short}' follows it, 'pfd cancel {short}' ends it"
    return (
        f"job {job.id} is queued, and no live worker {'has a gpu slot for it' if job.gpu else 'serves its queue'}: "
        f"'pfd worker --queues {job.queue}' runs it, 'pfd cancel {short}' drops it"
    )
