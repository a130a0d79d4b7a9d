"""A disk without space: the ends of jobs are stored, what takes the space goes, and all go on by themselves.

Each test is a program in a namespace of its own, where a small disk can be mounted that goes with it.
"""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from core.tests.support.stores import as_environment, make_settings
from pfd import State
from pfd.artifacts import ArtifactFolder
from pfd.job import JobFailure
from pfd.retention import discard, give_up
from pfd.store import EndedJob, NewJob, Store, jobs
from pfd.store.reserve import Reserve

PRELUDE = """
import logging, shutil, sys, time
from pathlib import Path
from pfd import Dispatcher, PfdError, Worker, load_settings
from core.tests.support.waiting import until

logging.basicConfig(level=logging.INFO)
settings = load_settings().values
home = settings.home

def free():
    return shutil.disk_usage(home).free

def fill(path):
    with path.open("ab", buffering=0) as file:
        for size in (2**20, 1):
            try:
                while True:
                    file.write(bytes(size))
            except OSError:
                pass

def refusal(call):
    began = time.monotonic()
    try:
        call()
    except PfdError as error:
        return str(error), error.hint, time.monotonic() - began

"""

A_PROBE = """
from pfd.store.reserve import Reserve
reserve, other = Reserve(home / "pfd.sqlite3"), home / "of somebody else"
before = reserve.is_needed()
fill(other)
full = reserve.is_needed()
other.unlink()
print(dict(before=before, full=full, after=reserve.is_needed(), left=list(map(str, home.iterdir()))))
"""

A_JOB_DID = """
with Worker(settings, slots=3), Dispatcher(settings) as dispatcher:
    dispatcher.submit("nap").get(60)
    before = free()
    neighbours = [dispatcher.submit("nap", {"seconds": 0.5}), dispatcher.submit("nap", {"seconds": 1.5})]
    began = time.monotonic()
    filler = dispatcher.submit("fill_disk").wait(60)
    took = time.monotonic() - began
    until(lambda: free() > before - 2**20, "its space is free again")
    ended = [one.wait(60).state.value for one in neighbours]
    later = dispatcher.submit("nap").wait(60).state.value
print(dict(state=filler.state.value, failure=filler.failure.message, hint=filler.failure.hint, took=took,
           neighbours=ended, later=later, left=[str(one) for one in home.glob("artifacts/*")]))
"""

SOMEBODY_ELSE_DID = """
other, reserve = home / "of somebody else", home / ".pfd.sqlite3.reserve"
said = []
class Noting(logging.Handler):
    def emit(self, record):
        said.append(record.getMessage())
logging.getLogger("pfd").addHandler(Noting())
with Worker(settings, slots=2, queues=("default",)), Dispatcher(settings) as dispatcher:
    cancelled = dispatcher.submit("nap", {"seconds": 300})
    held = dispatcher.submit("nap", {"seconds": 1.5, "artifact": "a"})
    until(lambda: cancelled.state == held.state == "PROGRESS" and reserve.exists())
    fill(other)
    cancelled.revoke()
    on_the_reserve = cancelled.wait(60).state.value
    while (refused := refusal(lambda: dispatcher.submit("nap", queue="other"))) is None:
        fill(other)  # what was reserved as well
    until(lambda: any("the end of a job is not stored yet" in text for text in said))
    other.unlink()
    ended = [held.wait(60).state.value, dispatcher.submit("nap").wait(60).state.value]
    until(reserve.exists, "it is made anew")
    kept = [one.name for one in (home / "artifacts" / held.id).rglob("a")]
print(dict(on_the_reserve=on_the_reserve, refused=refused, ended=ended, kept=kept))
"""


def run_on_small_disk(tmp_path: Path, megabytes: int, code: str) -> dict[str, Any]:
    """What a program prints as its last line whose PFD_HOME is a disk of that size."""
    if shutil.which("unshare") is None:
        pytest.skip("unshare is missing: install util-linux")
    home = tmp_path / "home"
    home.mkdir()
    unshare = ["unshare", "--mount", *(() if os.geteuid() == 0 else ("--user", "--map-root-user"))]
    mount = f'mount -t tmpfs -o size={megabytes}m none "$PFD_HOME" && exec "$0" "$@"'
    done = subprocess.run(
        [*unshare, "sh", "-c", mount, sys.executable, "-c", PRELUDE + code],
        env=os.environ | as_environment(make_settings(home)),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = ast.literal_eval(done.stdout.splitlines()[-1])
    return found


@pytest.mark.parametrize("megabytes", [32, 12], ids=["with a reserve", "too small for a reserve"])
def test_the_end_of_a_job_that_filled_the_disk_is_stored_and_its_files_go(tmp_path: Path, megabytes: int) -> None:
    found = run_on_small_disk(tmp_path, megabytes, A_JOB_DID)
    assert (found["state"], found["failure"]) == ("FAILURE", "[Errno 28] No space left on device")
    assert "free space" in found["hint"]
    assert found["took"] < 5
    assert (found["neighbours"], found["later"], found["left"]) == (["SUCCESS", "SUCCESS"], "SUCCESS", [])


def test_a_worker_goes_on_by_itself_once_there_is_space_that_somebody_else_took(tmp_path: Path) -> None:
    found = run_on_small_disk(tmp_path, 32, SOMEBODY_ELSE_DID)
    message, hint, seconds = found["refused"]
    assert "is full or failing" in message
    assert hint == "free some space"
    assert seconds < 1
    assert (found["on_the_reserve"], found["ended"], found["kept"]) == ("REVOKED", ["SUCCESS", "SUCCESS"], ["a"])


def test_whether_a_disk_is_full_is_found_out_by_a_write_that_leaves_nothing(tmp_path: Path) -> None:
    assert run_on_small_disk(tmp_path, 8, A_PROBE) == {"before": False, "full": True, "after": False, "left": []}


def test_what_one_left_that_was_killed_while_it_made_the_reserve_goes(tmp_path: Path) -> None:
    old, new = (tmp_path / f".store.reserve.{pid}" for pid in (1, 2))
    for path in (old, new):
        path.write_bytes(b"half of it")
    os.utime(old, (time.time() - 120,) * 2)
    Reserve(tmp_path / "store").keep()
    assert sorted(path.name for path in tmp_path.iterdir()) == [".store.reserve", new.name]
    os.utime(new, (time.time() - 120,) * 2)
    Reserve(tmp_path / "store").keep()
    assert [path.name for path in tmp_path.iterdir()] == [".store.reserve"]


def test_files_of_a_failed_job_go_only_where_space_is_short_at_home_and_no_row_may_name_them(store: Store) -> None:
    from pfd_sample.records import Note

    def left(message: str, *, named: bool = False) -> bool:
        """Whether the files of a job that failed so are still there."""
        with store.write() as connection:
            job_id = jobs.insert(connection, NewJob("nap", "default", {})).id
        file = ArtifactFolder(store.settings.home, job_id, 1).file("a.txt")
        file.touch()
        if named:
            with store.session(write=True) as session:
                session.add(Note(job_id=job_id, text="named"))
        failure = JobFailure("OSError", message)
        discard(store, store.settings.home, [EndedJob(job_id, "nap", "default", State.FAILURE, failure=failure)])
        for thread in threading.enumerate():
            if thread.name == "pfd-discard":
                thread.join()
        return file.exists()

    assert left("this value is wrong")
    full, home = "[Errno 28] No space left on device", store.settings.home
    for elsewhere in ("", ": '/tmp/model.pt'", f": '{home}-of-another/model.pt'", " (/dev/shm/torch_1_2 <3>)"):
        assert left(full + elsewhere)
    assert not left(f"{full}: '{home / 'artifacts' / 'model.pt'}'")
    assert not left("[Errno 122] Disk quota exceeded: 'model.pt'")
    assert left("[Errno 122] Disk quota exceeded", named=True)


def test_files_in_a_home_that_cannot_be_looked_at_keep_nobody_from_going_on(tmp_path: Path, store: Store) -> None:
    home = tmp_path / "away"
    home.symlink_to("x" * 300)  # as EIO or ESTALE of a server that is away
    with store.write() as connection:
        job = jobs.get(connection, jobs.insert(connection, NewJob("nap", "default", {})).id)
    discard(store, home, [EndedJob(job.id, "nap", "default", State.REVOKED)])
    assert not give_up(store, home, job)
