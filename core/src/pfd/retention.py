"""Keeping house: jobs that ended long enough ago go, rows first and then files, and so do folders of no job.

Rows go first, so that a crash in between leaves folders that belong to no row, and those are found the next time.
Everything is done in small steps, of which a caller takes as many as it has time for.
"""

from __future__ import annotations

import errno
import functools
import logging
import os
import shutil
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from pfd.artifacts import job_folder
from pfd.errors import JobError, PfdError
from pfd.job import ENDED, Job, State, is_job_id
from pfd.settings import Settings
from pfd.store import EndedJob, Store, jobs, prune
from pfd.wallclock import WallClock

log = logging.getLogger("pfd.worker")

DAY = 86400.0

FIRST, EVERY = 60.0, 3600.0
"""Seconds until a worker keeps house for the first time, and from the end of one round to the next."""

REST = DAY
"""Seconds for which nothing is pruned once the clock was set: jobs may seem old that are not, until it is put right."""

SLICE = 0.2
"""Seconds that a worker spends on it at a time: far less than a lease, which it has to renew meanwhile."""

PARTS = ("artifacts", "logs")
FILES, NAMES = 100, 500
"""Files removed, and names looked up, in one step."""

LITTLE = 64 * 2**20
"""Bytes free on the disk of `PFD_HOME` below which space is short: a few jobs more, and nothing can be stored."""


@dataclass(frozen=True)
class Pruned:
    """What went, or would go: jobs, folders of jobs with all that is in them, and folders of no job.

    `kept` says of jobs that were old enough how many stay and why; `stuck` names folders that could not be removed.
    """

    jobs: int = 0
    folders: int = 0
    orphans: int = 0
    kept: Mapping[str, int] = field(default_factory=dict)
    stuck: tuple[Path, ...] = ()

    def __add__(self, other: Pruned) -> Pruned:
        return Pruned(
            self.jobs + other.jobs,
            self.folders + other.folders,
            self.orphans + other.orphans,
            dict(Counter(self.kept) + Counter(other.kept)),
            self.stuck + other.stuck,
        )


def total(steps: Iterable[Pruned]) -> Pruned:
    """Take all the steps; what they did together."""
    return sum(steps, Pruned())


def prune_jobs(store: Store, home: Path, which: prune.Which, *, dry_run: bool = False) -> Iterator[Pruned]:
    """Remove ended jobs and their files.

    Raises
    ------
    SettingsError : `home` belongs to another store.
    StoreError : the store cannot be read or written; what was removed until then is.
    """
    if not dry_run:
        store.bind_home()
    with store.read() as connection:
        keeping = prune.referring_tables(connection)
    after: int | None = 0
    while after is not None:
        with store.read() as connection:
            page = prune.find(connection, which, keeping, after)
        after = page.after
        yield Pruned(jobs=len(page.removable) if dry_run else 0, kept=page.kept)
        found = [] if dry_run else list(page.removable.items())
        for start in range(0, len(found), prune.BATCH):
            batch = dict(found[start : start + prune.BATCH])
            done = store.settle(functools.partial(prune.remove, found=batch, keeping=keeping))
            yield Pruned(jobs=len(done.removable), kept=done.kept)
            yield from _folders(home, done.removable.values())


def forget(store: Store, home: Path, job: Job) -> Pruned:
    """Remove one ended job and its files.

    Raises
    ------
    JobError : it has not ended, or something still needs it; nothing is removed.
    SettingsError : `home` belongs to another store.
    StoreError : the store cannot be read or written.
    """
    if job.state not in ENDED:
        raise JobError(f"job {job.id} is {job.state}", job_id=job.id, hint="only a job that has ended is forgotten")
    store.bind_home()
    with store.read() as connection:
        keeping = prune.referring_tables(connection)
    done = store.settle(functools.partial(prune.remove, found={job.seq: job.id}, keeping=keeping))
    if done.kept:
        raise JobError(f"job {job.id} is kept: {'; '.join(done.kept)}", job_id=job.id)
    return total(_folders(home, done.removable.values()))


def _folders(home: Path, job_ids: Iterable[str]) -> Iterator[Pruned]:
    """Remove the folders of jobs whose rows are gone."""
    for job_id in job_ids:
        for part in PARTS if is_job_id(job_id) else ():
            yield from _remove(job_folder(home, part, job_id), Pruned(folders=1))


def remove_orphans(store: Store, home: Path, *, dry_run: bool = False) -> Iterator[Pruned]:
    """Remove folders that are named like jobs, and whose job is not in the store.  Raises as `prune_jobs` does."""
    if not dry_run:
        store.bind_home()  # in the home of another store every folder would be an orphan
    for part in PARTS:
        # Folders first, then rows: a job that is submitted in between has its row before it has a folder.
        names = sorted(_job_folders(home / part))
        for start in range(0, len(names), NAMES):
            with store.read() as connection:
                orphans = prune.unknown(connection, names[start : start + NAMES])
            yield Pruned(orphans=len(orphans) if dry_run else 0)
            for name in () if dry_run else sorted(orphans):
                yield from _remove(job_folder(home, part, name), Pruned(orphans=1))


def discard(store: Store, home: Path, ended: Iterable[EndedJob]) -> None:
    """Remove the files of those of these jobs that were cancelled; where space is short, also of those that failed.

    Nobody is given them, and a run that is killed cannot clear up behind itself.  They stay where a job had
    stored a row before it ended, which may name them.  They are removed in another thread: that may take
    long, and who ends a job has leases to renew and other jobs to run.
    """
    for one in ended:
        if one.state is State.SUCCESS or not is_job_id(one.id):
            continue
        folder = job_folder(home, "artifacts", one.id)
        if not _is_folder(folder) or not (one.state is State.REVOKED or _is_in_the_way(one, home)):
            continue
        if _may_be_named(store, one.id):
            continue
        if one.state is State.FAILURE:
            log.warning("the disk of %s is nearly full: the files of job %s, which failed, go", home, one.id[:8])
        clear = threading.Thread(
            target=lambda found: total(_remove(found, Pruned())), args=(folder,), name="pfd-discard"
        )
        try:
            clear.start()
        except RuntimeError:  # no thread is to be had, and space may be short as well
            clear.run()


def _is_in_the_way(one: EndedJob, home: Path) -> bool:
    """Whether a job has failed and what it has left takes space that others need."""
    if one.state is not State.FAILURE:
        return False
    # The disk may have room for others again, or, where it is a quota, look as if it had: what counts is that it was
    # full for this job.  Another disk may have been: that of /tmp, or shared memory.
    message = one.failure.message if one.failure else ""
    with suppress(OSError):
        here = any(f"{folder}{os.sep}" in message for folder in (home, home.resolve()))
        if os.strerror(errno.EDQUOT) in message or (os.strerror(errno.ENOSPC) in message and here):
            return True
        return shutil.disk_usage(home).free < LITTLE
    return False


def give_up(store: Store, home: Path, job: Job) -> bool:
    """Remove the files of one run that has not succeeded, where its end cannot be stored without that.

    Of a job that runs again that may be a checkpoint, but one that keeps it from ending and all others from going on.
    Whether there were any.
    """
    folder = job_folder(home, "artifacts", job.id) / str(job.claim)
    if not _is_folder(folder) or _may_be_named(store, job.id):
        return False
    log.warning("the disk of %s is full: the files of job %s go, so that its end can be stored", home, job.id[:8])
    with suppress(OSError):
        for _ in _clear(folder):
            pass
    return not _is_folder(folder)


def _is_folder(path: Path) -> bool:
    """Whether that is a folder that can be looked at, as of those in a home whose server is away for a moment."""
    try:
        return path.is_dir()
    except OSError:
        return False


def _may_be_named(store: Store, job_id: str) -> bool:
    """Whether a plugin has stored rows of a job, which may name its files."""
    try:
        with store.read() as connection:
            named = prune.has_rows(connection, jobs.get(connection, job_id).seq)
    except PfdError as error:
        log.warning("the files of job %s stay: %s", job_id[:8], error)
        return True
    if named:
        log.info("the files of job %s stay: rows of a plugin may name them", job_id[:8])
    return named


class Pruner:
    """Keeps house for a worker: the reserve of the store, and old jobs where the setting `retention` is given.

    Several workers may do so at once: each takes what the others have not, and what is gone is gone.
    """

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self._settings = settings
        self._clock = WallClock()
        self._next = time.monotonic() + FIRST
        self._steps: Iterator[Pruned] | None = None
        self._done = Pruned()

    def tick(self, seconds: float = SLICE) -> None:
        """Do what is due, for hardly more than so many seconds; to be called again and again.  Raises nothing."""
        self._store.keep_reserve()
        began = time.monotonic()
        if self._settings.retention is not None and (by := self._clock.was_set_by()):
            log.warning("the clock was set by %+.0f s: old jobs are not pruned for %.0f h", by, REST / 3600)
            self._steps, self._next = None, began + REST
        if self._settings.retention is None or began < self._next:
            return
        try:
            if self._steps is None:
                self._steps, self._done = self._round(self._settings.retention), Pruned()
            for step in self._steps:
                self._done += step
                if time.monotonic() - began >= seconds:
                    return  # to be gone on with
        except (PfdError, OSError) as error:
            log.warning("old jobs are not pruned for now: %s", error)
        self._tell()
        self._steps = None
        self._next = time.monotonic() + EVERY

    def _round(self, days: float) -> Iterator[Pruned]:
        home = self._settings.home
        which = prune.Which(time.time() - days * DAY)
        yield from prune_jobs(self._store, home, which)
        yield from remove_orphans(self._store, home)

    def _tell(self) -> None:
        done = self._done
        if done.jobs or done.orphans:
            log.info("%d old jobs were removed, and %d folders of no job", done.jobs, done.orphans)
        if done.stuck:
            log.warning("%d folders could not be removed, %s for one", len(done.stuck), done.stuck[0])


def _job_folders(folder: Path) -> Iterator[str]:
    """Names of the folders right in this one that may be a job's; what is not a folder itself, as a link, is none."""
    with suppress(FileNotFoundError), os.scandir(folder) as entries:
        for entry in entries:
            if is_job_id(entry.name) and entry.is_dir(follow_symlinks=False):
                yield entry.name


def _remove(folder: Path, news: Pruned) -> Iterator[Pruned]:
    """Remove a folder of a job where it is there, without following links; `news` once it is gone."""
    if folder.is_symlink() or not folder.is_dir():
        return
    yield from _clear(folder)
    yield Pruned(stuck=(folder,)) if folder.exists() else news


def _clear(folder: Path) -> Iterator[Pruned]:
    """Remove a folder as far as that goes, in steps."""
    count = 0
    # By descriptors: a folder that is replaced by a link meanwhile leads nowhere else.
    with suppress(FileNotFoundError):  # another one was quicker
        for _, folders, files, here in os.fwalk(folder, topdown=False):
            for name in (*folders, *files):
                _remove_entry(name, here)
                count += 1
                if count % FILES == 0:
                    yield Pruned()
    with suppress(OSError):
        folder.rmdir()


def _remove_entry(name: str, folder: int) -> None:
    with suppress(OSError):  # what cannot be removed, or was just now by another, shows in the folder that stays
        try:
            os.unlink(name, dir_fd=folder)
        except (IsADirectoryError, PermissionError):  # the latter is what macOS says of a folder
            os.rmdir(name, dir_fd=folder)
