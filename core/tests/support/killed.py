"""Programs of a store that a test kills: a worker, a submitter, a reader of changes.

They are forked by a server that has loaded what they need, so that one is there again soon after it was killed.
"""

from __future__ import annotations

import itertools
import json
import multiprocessing
import os
import random
import time
from collections import Counter
from collections.abc import Mapping
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from pfd import Dispatcher, Settings, Worker
from pfd.plugins import load_registry

_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload([__name__, "pfd.client.dispatcher", "pfd.worker.worker", "pfd.store.migrate"])

TASKS: Mapping[str, dict[str, float]] = {
    "add": {"a": 1},
    "add_apart": {"a": 1},
    "fail_inline": {},
    "nap_inline": {"seconds": 0.5, "steps": 4},
}


def work(settings: Settings) -> None:
    """Run jobs."""
    Worker(settings, registry=load_registry(settings), slots=2).run_forever()


def submit(settings: Settings) -> None:
    """Submit jobs, and cancel some."""
    with Dispatcher(settings, tells_unserved=False) as dispatcher:
        while True:
            task = random.choice(list(TASKS))
            handle = dispatcher.submit(task, TASKS[task])
            if random.random() < 0.2:
                dispatcher.cancel(handle.id)
            time.sleep(random.uniform(0, 0.15))


def read(settings: Settings, journal: Path, limit: int) -> None:
    """Follow the changes, and keep what was seen, and behind what, in one write to a file."""
    written = os.open(journal, os.O_RDWR | os.O_CREAT | os.O_APPEND)
    kept = journal.read_bytes()
    whole = kept[: kept.rfind(b"\n") + 1]
    os.ftruncate(written, len(whole))  # of one that was killed in the middle of a write
    cursor = json.loads(whole.splitlines()[-1])["cursor"] if whole else ""
    with Dispatcher(settings) as dispatcher:
        while True:
            found = dispatcher.changes(cursor, limit)
            if found.jobs:
                cursor = found.cursor
                seen = [job.to_dict() for job in found.jobs]
                os.write(written, json.dumps({"cursor": cursor, "jobs": seen}).encode() + b"\n")
            else:
                time.sleep(0.02)


class Programs:
    """The programs of one store."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        self._settings = settings
        self._folder = folder
        self._running: dict[str, ForkServerProcess] = {}
        self.kills: Counter[str] = Counter()

    def journal(self, limit: int) -> Path:
        """Where a reader keeps what it has seen."""
        return self._folder / f"seen-{limit}.jsonl"

    def start(self, kind: str, number: int) -> None:
        """Start a program; the number of a reader is how many changes it takes at a time."""
        target, others = {
            "worker": (work, ()),
            "submitter": (submit, ()),
            "reader": (read, (self.journal(number), number)),
        }[kind]
        program = _FORKS.Process(target=target, args=(self._settings, *others), daemon=False)  # type: ignore[arg-type]
        program.start()
        self._running[f"{kind} {number}"] = program

    def kill(self, name: str) -> None:
        """End a program as `kill -9` does."""
        program = self._running.pop(name)
        program.kill()
        program.join()
        program.close()
        self.kills[name.partition(" ")[0]] += 1

    def kill_all(self, kind: str = "") -> None:
        for name in [name for name in self._running if name.startswith(kind)]:
            self.kill(name)

    def kill_for(self, seconds: float, every: float) -> None:
        """Kill a program of each kind in turn, the one that has been there longest, and start another in its place."""
        end = time.monotonic() + seconds
        for kind in itertools.cycle(("worker", "reader", "worker", "submitter")):
            if time.monotonic() > end:
                return
            name = next(name for name in self._running if name.startswith(kind))
            self.kill(name)
            self.start(kind, int(name.partition(" ")[2]))
            time.sleep(every)
