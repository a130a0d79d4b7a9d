"""The six tasks that make and describe recordings, on each runtime: from Python, from a shell, cancelled and killed.

One worker a runtime serves them all.  A job is caught midway by what its row says, and its process is held still while
it is looked at, so that nothing here hangs on how fast the machine is.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest
import sqlalchemy as sa

from pfd import Handle, Job, JobHandle, KeyConflict, State, StoreUnavailable, Task
from pfd.client.dispatcher import forget_default
from pfd.job import LIVE
from pfd_contract import PATIENCE, Site, until
from pfd_contract.processes import SERVER, frozen, is_gone, of_home, send
from pfd_contract.programs import WorkerProgram
from pfd_plugin_data import generate_dataset_task
from pfd_plugin_features import (
    compute_correlation_task,
    compute_importance_task,
    extract_features_task,
    select_features_task,
)
from pfd_plugin_mat_import import import_mat_dataset_task
from tests.contract.support.sites import site_maker
from tests.support import examples

pytestmark = pytest.mark.slow("jobs of a second, held midway, killed and run again")

RUNTIMES = {"local": "local-sqlite", "celery": "celery-redis-postgres", "dramatiq": "dramatiq-redis-postgres"}
PLUGINS = ("data", "mat_import", "features")
SLOTS = 4
TRIES = 10
TOLD, STEP = 0.25, 0.03
"""Seconds after which a worker has written what its jobs have told it; and those that a job may go on between."""


@dataclass
class Bench:
    """A site with a worker, and what the tasks work on: MATLAB files, a dataset of it, and a set of its features."""

    site: Site
    program: WorkerProgram
    recordings: Path
    dataset: int = 0
    feature_set: int = 0

    def submit(self, task: Task, params: Mapping[str, Any], **options: Any) -> Handle:
        return self.site.dispatcher.submit(task.name, params, **options)

    def live(self, key: str) -> Handle | None:
        """The job of a key that has not ended."""
        for job in self.site.dispatcher.jobs(LIVE):
            if job.key == key:
                return self.site.dispatcher.handle(job.id)
        return None

    def rows(self, job_id: str) -> int:
        """Datasets and feature sets, selections among them, that a job has stored."""
        from pfd_plugin_data.records import DatasetRow
        from pfd_plugin_features.records import FeatureSetRow

        with self.site.dispatcher.store.session() as session:
            return sum(session.query(kind).filter_by(job_id=job_id).count() for kind in (DatasetRow, FeatureSetRow))

    def files(self, job_id: str) -> list[str]:
        """Files that the runs of a job have left, also those half written."""
        walked = os.walk(self.site.settings.home / "artifacts" / job_id)
        return [name for _, _, names in walked for name in names]

    def processes(self) -> set[int]:
        """The processes of jobs: a warm server forks a keeper, and that the job's."""
        return {pid for pid in of_home(self.site.settings.home) if _servers(pid) == 3}

    def hold(self, begin: Callable[[], Handle | None], others: frozenset[int] = frozenset()) -> tuple[Handle, int]:
        """Begin a job and stop its process midway; both.  `begin` is None where its job is over already.

        A job that comes to its end before that is begun again: some take half a second, which is not long on a busy
        machine.
        """
        for _ in range(TRIES):
            if (handle := begin()) and (pid := self._stop(handle, others)):
                return handle, pid
        raise AssertionError(f"none of {TRIES} jobs could be stopped midway")

    def _writable(self) -> bool:
        """Whether nobody who is stopped holds the lock of SQLite."""
        try:
            with self.site.dispatcher.store.write():
                return True
        except StoreUnavailable:
            return False

    def _stop(self, handle: Handle, others: frozenset[int]) -> int | None:
        """Have a job take small steps until it says how far it is; None where it ends before."""
        until(lambda: handle.job.ended_at or len(self.processes() - others) == 1, "it runs, and it alone")
        for pid in self.processes() - others:
            while not is_gone(pid):
                send(signal.SIGSTOP, pid)
                time.sleep(TOLD)
                if 0 < handle.job.progress < 1 and self._writable() and not self.rows(handle.id):
                    return pid
                send(signal.SIGCONT, pid)
                time.sleep(STEP)
        handle.wait(PATIENCE)
        return None


def _servers(pid: int) -> int:
    """How many of a process and those above it are known by the name of the warm server; 0 where it is none itself."""
    try:
        process = psutil.Process(pid)
        line = [SERVER in " ".join(one.cmdline()) for one in (process, *process.parents())]
    except psutil.NoSuchProcess:
        return 0
    return sum(line) if line[0] else 0


@dataclass(frozen=True)
class Case:
    """A task with parameters that keep it busy for about a second.

    `other` differs by it from them.  `stores` says whether the task leaves a row; `files` are what it publishes;
    `says` is what its status says when it has come to its end.
    """

    task: Task
    params: Callable[[Bench], dict[str, Any]]
    other: Mapping[str, Any]
    stores: bool
    files: tuple[str, ...]
    says: str


RECORDED = (
    *("bearings.table.csv", "bearings.table.json", "classes.table.csv", "classes.table.json"),
    "examples.figure.json",
)
"""What there is to be seen of a dataset."""

CASES = (
    Case(
        generate_dataset_task,
        lambda bench: {**examples.DATASET, "name": "many", "num_signals_per_fault": 200},
        {"random_seed": 1},
        stores=True,
        files=(*RECORDED, "many.h5"),
        says=r"600 recordings of 9 bearings",
    ),
    Case(
        import_mat_dataset_task,
        lambda bench: {"source": str(bench.recordings), "name": "imported"},
        {"strict": True},
        stores=True,
        files=("bearings.csv", *RECORDED, "findings.json", "imported.h5"),
        says=r"320 recordings imported",
    ),
    Case(
        extract_features_task,
        lambda bench: {"dataset": bench.dataset, "window": 256, "hop": 128, "domains": ["advanced"], "reuse": False},
        {"hop": 129},
        stores=True,
        files=("features.parquet", "features.table.csv", "features.table.json"),
        says=r"\d+ features of \d+ windows",
    ),
    Case(
        compute_importance_task,
        lambda bench: {
            "feature_set": bench.feature_set,
            "methods": ["forest", "permutation"],
            "n_estimators": 20,
        },
        {"random_seed": 1},
        stores=False,
        files=("importance.csv", "importance.figure.json", "importance.png", "importance.svg"),
        says=r"\w+ tells most, of \d+ features",
    ),
    Case(
        select_features_task,
        lambda bench: {"feature_set": bench.feature_set, "method": "stability", "n_features": 5},
        {"random_seed": 1},
        stores=True,
        files=(
            *("features.parquet", "selection.csv", "selection.figure.json", "selection.json", "selection.png"),
            "selection.svg",
        ),
        says=r"5 of \d+ features: balanced accuracy [01]\.\d+, on all [01]\.\d+",
    ),
    Case(
        compute_correlation_task,
        lambda bench: {"feature_set": bench.feature_set},
        {"random_seed": 1},
        stores=False,
        files=("clusters.csv", "correlation.csv", "correlation.figure.json", "correlation.png", "correlation.svg"),
        says=r"\d+ features in \d+ clusters",
    ),
)


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of 320 MATLAB files."""
    folder = tmp_path_factory.mktemp("recordings")
    examples.write_uestc(folder, repeats=40)
    return folder


@pytest.fixture(scope="module", params=RUNTIMES)
def bench(
    request: pytest.FixtureRequest, recordings: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Bench]:
    """One worker of a runtime, and this process a client of it."""
    folder = tmp_path_factory.mktemp(request.param)
    make = site_maker(RUNTIMES[request.param], request)
    with (
        contextlib.closing(make(folder, plugins=PLUGINS, lease=15.0, grace=10.0, roots=(recordings,))) as site,
        pytest.MonkeyPatch.context() as patch,
    ):
        for name, value in site.environment().items():
            if name.startswith("PFD_"):
                patch.setenv(name, value)
        program = site.start_worker(SLOTS)
        made = Bench(site, program, recordings)
        dataset = made.submit(generate_dataset_task, examples.DATASET).get(PATIENCE)
        made.dataset = dataset["dataset_id"]
        features = made.submit(extract_features_task, {"dataset": made.dataset, "window": 256}).get(PATIENCE)
        made.feature_set = features["feature_set_id"]
        yield made
        send(signal.SIGCONT, made.program.owner)  # where a test has failed with it stopped
        made.program.stop()
        forget_default()


@pytest.fixture(params=CASES, ids=lambda case: case.task.name)
def case(request: pytest.FixtureRequest) -> Case:
    found: Case = request.param
    return found


def _watch(handle: Handle) -> tuple[Job, dict[int | None, list[float]], set[str]]:
    """A job at its end, the progress that was seen of each of its runs, and what it said it was doing."""
    seen: dict[int | None, list[float]] = {}
    said = set()

    def look() -> Job | None:
        job = handle.job
        if job.state in (State.PROGRESS, State.SUCCESS):
            seen.setdefault(job.claim, []).append(job.progress)
            said.add(job.status)
        return job if job.ended_at else None

    ended = until(look, "it ends")
    assert ended is not None
    return ended, seen, said


def test_from_python_a_job_tells_how_far_it_is_and_gives_its_result(bench: Bench, case: Case) -> None:
    handle = case.task.delay(case.params(bench))
    job, seen, said = _watch(handle)
    assert job.state is State.SUCCESS, job.failure
    [fractions] = seen.values()
    assert fractions == sorted(fractions)
    assert len(set(fractions)) > 1
    assert fractions[-1] == 1.0
    assert "" not in said
    assert re.fullmatch(rf"{case.says}( \(\d+ cautions?: .+\))?", job.status)
    assert bench.rows(job.id) == case.stores
    assert tuple(handle.artifacts) == case.files
    # And all of it validates as what the task declares.
    assert case.task.result.model_validate(handle.get()).model_dump(mode="json") == handle.get()


def test_cancelled_midway_it_leaves_nothing_and_its_key_begins_anew_from_a_shell_and_outlives_a_kill(
    bench: Bench, case: Case
) -> None:
    site, params = bench.site, case.params(bench)
    key = f"key of {case.task.name}"
    handle, pid = bench.hold(lambda: case.task.apply_async((params,), key=key))
    with frozen(pid):
        assert bench.submit(case.task, params, key=key).id == handle.id
        with pytest.raises(KeyConflict, match=handle.id):
            bench.submit(case.task, {**params, **case.other}, key=key)
        handle.revoke()
    job = handle.wait(PATIENCE)
    assert (job.state, job.attempt) == (State.REVOKED, 1)
    assert 0 < job.progress < 1
    assert bench.rows(job.id) == 0
    until(lambda: not bench.files(job.id), "nothing of it is left")

    words = [f"{name}={value if isinstance(value, str) else json.dumps(value)}" for name, value in params.items()]
    with ThreadPoolExecutor(1) as shell:
        printed: list[Future[str]] = []

        def from_shell() -> Handle | None:
            printed.append(shell.submit(site.pfd, "submit", case.task.name, *words, "--key", key, "--wait", "--json"))
            found = until(lambda: bench.live(key) or printed[-1].done(), "the shell has submitted it")
            if isinstance(found, JobHandle):
                return found
            printed[-1].result()  # it has a reason where it has failed
            return None

        again, pid = bench.hold(from_shell)
        assert again.id != handle.id
        send(signal.SIGKILL, pid)
        job, seen, _ = _watch(again)
        told = printed[-1].result(PATIENCE)
        shown, end = json.JSONDecoder().raw_decode(told)
    assert (job.state, job.lost, job.attempt) == (State.SUCCESS, 1, 1)
    assert "lost" in (site.outcomes(job)[0] or "")
    assert all(fractions == sorted(fractions) for fractions in seen.values())
    assert (shown["id"], shown["state"], shown["result"]) == (job.id, "SUCCESS", job.result)
    assert tuple(shown["artifacts"]) == case.files
    assert "lost" not in told[end:]
    assert bench.rows(job.id) == case.stores


def stop_between_writes(site: Site, worker: int) -> bool:
    """Stop a worker, unless it holds the one lock of SQLite just then: jobs that go on would wait for it for ever."""
    send(signal.SIGSTOP, worker)
    url = sa.make_url(site.settings.store_url)
    if url.get_backend_name() != "sqlite":
        return True
    with contextlib.closing(sqlite3.connect(str(url.database), timeout=1.0, isolation_level=None)) as connection:
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            send(signal.SIGCONT, worker)
            return False
        connection.execute("ROLLBACK")
    return True


def test_what_was_stored_by_a_worker_that_is_killed_before_it_says_so_is_not_stored_twice(bench: Bench) -> None:
    """A row is written by the job, its end by the worker: here the worker is lost in between."""
    cases = [case for case in CASES if case.stores]
    handles, pids = [], set[int]()
    try:
        for case in cases:
            handle, pid = bench.hold(partial(bench.submit, case.task, case.params(bench)), frozenset(pids))
            handles.append(handle)
            pids.add(pid)
        until(partial(stop_between_writes, bench.site, bench.program.owner), "the worker is stopped")
    finally:
        send(signal.SIGCONT, *pids)
    until(lambda: all(bench.rows(handle.id) for handle in handles), "all rows are written")
    bench.program.kill()
    assert {handle.state for handle in handles} == {State.PROGRESS}
    bench.program = bench.site.start_worker(SLOTS)
    jobs = [handle.wait(PATIENCE) for handle in handles]
    assert [(job.state, job.lost) for job in jobs] == [(State.SUCCESS, 1)] * len(cases)
    assert {case.task.name: bench.rows(job.id) for case, job in zip(cases, jobs, strict=True)} == {
        case.task.name: 1 for case in cases
    }
