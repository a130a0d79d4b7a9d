"""A site: a runtime on a store, as the suite needs to know it."""

from __future__ import annotations

import contextlib
import functools
import itertools
import os
import signal
import subprocess
import sys
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from pfd import Dispatcher, Job, JobHandle, Settings
from pfd.store import Store
from pfd_contract.outages import outage
from pfd_contract.plugin.witness import Sight, read_notes, witness_folder
from pfd_contract.processes import of_home, send
from pfd_contract.programs import WorkerProgram
from pfd_contract.waiting import PATIENCE, until

SHORT: Mapping[str, float] = {"lease": 2.0, "sweep": 0.2, "grace": 0.5}
"""Settings with which losing a worker and ending a job take a second or two."""


def contract_settings(home: Path, **given: object) -> Settings:
    """Settings for a site: short times, the contract's plugin and no devices, beside what is given."""
    return Settings.model_validate({"home": home, "plugins": ("contract",), "gpus": "none", **SHORT, **given})


class MakeSite(Protocol):
    """Makes a site with an empty store; its files lie in `folder`, and `settings` go beside or before its own."""

    def __call__(self, folder: Path, **settings: Any) -> Site: ...


class Site(ABC):
    """A runtime on a store of its own.

    A subclass says the two things that differ between runtimes, `worker_command` and `lose_rings`; and how its store
    is taken away, where closing the database from outside is not enough.

    Parameters
    ----------
    settings : its runtime, broker, store and home; the store is empty, and belongs to this site alone.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._numbers = itertools.count(1)
        self._programs: list[WorkerProgram] = []

    # -- what a runtime says ------------------------------------------------------------------------------------

    @abstractmethod
    def worker_command(self, slots: int) -> list[str]:
        """The command line of a worker that serves all queues with so many slots.  It reads PFD_ variables."""

    @abstractmethod
    def lose_rings(self) -> None:
        """Lose all rings that no worker has heard yet, as a broker does that is emptied."""

    def store_away(self) -> contextlib.AbstractContextManager[None]:
        """Take the store away for the length of a block."""
        return outage(self.settings.store_url)

    # -- what the suite uses ------------------------------------------------------------------------------------

    @property
    def programs(self) -> tuple[WorkerProgram, ...]:
        """All workers started so far."""
        return tuple(self._programs)

    @functools.cached_property
    def dispatcher(self) -> Dispatcher:
        dispatcher = Dispatcher(self.settings)
        store = Store(self.settings, dispatcher.plugins.tables())
        try:
            assert store.upgrade() == {}
        finally:
            store.close()
        return dispatcher

    def submit(self, task: str, params: Mapping[str, Any] | None = None, **options: Any) -> JobHandle:
        """Submit one of the contract's tasks, by its name without the prefix."""
        return self.dispatcher.submit(f"contract_{task}", params, **options)

    def run(self, task: str, params: Mapping[str, Any] | None = None, **options: Any) -> Job:
        """Submit a job and wait for its end, whatever that is."""
        return self.submit(task, params, **options).wait(PATIENCE)

    def sights(self, job: JobHandle | Job | str, what: str = "") -> list[Sight]:
        """What the runs of a job have noted: everything, or one kind of note."""
        notes = read_notes(self.settings.home, job if isinstance(job, str) else job.id)
        return [sight for sight in notes if not what or sight.what == what]

    def await_sight(self, job: JobHandle | Job | str, what: str, number: int = 1, seconds: float = PATIENCE) -> Sight:
        """The first, or a later, note of a kind, once it is there."""
        until(lambda: len(self.sights(job, what)) >= number, f"{what!r} is noted {number} times", seconds)
        return self.sights(job, what)[number - 1]

    def outcomes(self, job: JobHandle | Job | str) -> list[str | None]:
        """What the log of claims says of each run."""
        return [claim.outcome for claim in self.dispatcher.claims(job if isinstance(job, str) else job.id)]

    def open_gate(self, name: str) -> None:
        """Let go of the tasks that wait for a gate."""
        witness_folder(self.settings.home).mkdir(parents=True, exist_ok=True)
        (witness_folder(self.settings.home) / name).touch()

    def log(self, job: JobHandle | Job) -> str:
        """The log of a job's latest run."""
        return self.dispatcher.log_path(job.id).read_text(encoding="utf-8", errors="replace")

    def environment(self, **changes: str) -> dict[str, str]:
        """The environment of a program that is to have the settings of this site, with changes."""
        variables = {name: value for name, value in os.environ.items() if not name.startswith("PFD_")}
        for name, value in self.settings:
            if value is not None:
                separator = os.pathsep if name == "roots" else ","
                text = separator.join(map(str, value)) if isinstance(value, tuple) else str(value)
                variables[f"PFD_{name.upper()}"] = text
        return variables | changes

    def pfd(self, *words: str, expect: int = 0, **changes: str) -> str:
        """Run the command line as a program; what it printed.  Fails where it exits with another code than expected."""
        done = subprocess.run(
            [*PFD, *words],
            env=self.environment(**changes),
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE,
        )
        assert done.returncode == expect, f"pfd {' '.join(words)}: exit {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    def start_worker(self, slots: int = 1, *, before: Sequence[str] = (), **changes: str) -> WorkerProgram:
        """Start a worker without waiting for it; it is ended with the site.  `before` is put before its command."""
        folder = self.settings.home / "workers"
        folder.mkdir(parents=True, exist_ok=True)
        assert self.dispatcher.store is not None  # its tables are there before any worker looks for them
        program = WorkerProgram(
            [*before, *self.worker_command(slots)], self.environment(**changes), folder / f"{next(self._numbers)}.log"
        )
        self._programs.append(program)
        return program

    def is_ready(self, program: WorkerProgram) -> bool:
        """Whether a worker claims jobs by now."""
        return program.is_ready(self.dispatcher.workers())

    @contextlib.contextmanager
    def workers(self, number: int, slots: int = 1, **changes: str) -> Iterator[list[WorkerProgram]]:
        """Workers that are there, killed at the end of the block."""
        programs = [self.start_worker(slots, **changes) for _ in range(number)]
        try:
            until(lambda: all(map(self.is_ready, programs)), "the workers are there")
            yield programs
        finally:
            for program in programs:
                program.kill()

    @contextlib.contextmanager
    def worker(self, slots: int = 1, **changes: str) -> Iterator[WorkerProgram]:
        """One worker, killed at the end of the block."""
        with self.workers(1, slots, **changes) as [program]:
            yield program

    @property
    def recovery(self) -> float:
        """Seconds within which the job of a lost worker has begun again.

        A lease, a few sweeps and the first pause before a lost job's next run; the rest is for a busy machine.  With
        the settings of the suite that is well below the fifteen seconds of the contract.
        """
        return self.settings.lease + 5 * self.settings.sweep + 6.0

    def close(self) -> None:
        """End what is left.  Fails where something of a job outlives all workers."""
        for program in self._programs:
            program.kill()
        if "dispatcher" in self.__dict__:
            self.dispatcher.close()
        try:
            until(lambda: not of_home(self.settings.home), "nothing outlives the last worker", seconds=15)
        except AssertionError:
            left = of_home(self.settings.home)
            send(signal.SIGKILL, *left)
            raise AssertionError(f"processes {left} outlive the last worker of their home") from None


PFD = (sys.executable, "-P", "-c", "import sys; from pfd.cli import main; sys.exit(main())")
"""The command line of this interpreter, whether or not its scripts are on the path."""


class LocalSite(Site):
    """The embedded runtime."""

    def worker_command(self, slots: int) -> list[str]:
        return [*PFD, "worker", "--concurrency", str(slots)]

    def lose_rings(self) -> None:
        from pfd.runtimes.local import listeners

        for listener in listeners(self.settings):
            listener.unlink(missing_ok=True)
