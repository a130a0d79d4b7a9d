"""Sockets and locks lie where no other user can put anything; where one was quicker, they lie in PFD_HOME."""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from core.tests.support.stores import make_settings
from core.tests.support.users import OTHER, needs_root
from pfd import Dispatcher, Worker
from pfd.errors import QueueError
from pfd.notify import Wakeup
from pfd.plugins import Registry
from pfd.runtimes.local import LocalListener, LocalRuntime, listeners
from pfd.socket_folder import in_socket_folder, open_private, peer, socket_folder
from pfd.worker import liveness_lock
from pfd.worker.gpu.device_lock import DeviceLock
from pfd.worker.gpu.devices import Device, Place
from pfd.worker.liveness_lock import LivenessLock, is_dead

PATIENCE = 60.0
ALL = ("alive", "gpus", "warm", "wakeup")

WORKER = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A place for such folders that everybody may write to, as `/tmp`; with a short path."""
    folder = Path(tempfile.mkdtemp(prefix="pfd-place-", dir="/tmp"))
    folder.chmod(0o1777)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def home() -> Iterator[Path]:
    """A home with a short path."""
    folder = Path(tempfile.mkdtemp(prefix="pfd-home-", dir="/tmp"))
    yield folder
    shutil.rmtree(folder)


def _theirs(folder: Path) -> None:
    folder.mkdir(mode=0o700)
    os.chown(folder, OTHER, OTHER)


def _open(folder: Path) -> None:
    folder.mkdir()
    folder.chmod(0o777)


def _link(folder: Path) -> None:
    real = folder.with_name("elsewhere")
    real.mkdir(mode=0o700, exist_ok=True)
    folder.symlink_to(real)


TAKEN = [
    pytest.param(_theirs, id="another user made it first", marks=needs_root),
    pytest.param(_open, id="others can write to it"),
    pytest.param(_link, id="it is a link"),
    pytest.param(Path.touch, id="it is a file"),
]


def test_a_folder_is_private_and_where_the_system_has_a_place_for_such(place: Path, home: Path) -> None:
    folder = socket_folder("x", home)
    assert folder == place / f"pfd-{os.getuid()}-x"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert not list(home.iterdir())


@pytest.mark.parametrize("take", TAKEN)
def test_a_folder_that_may_be_anothers_is_not_used_but_one_in_the_home_is_and_that_is_told(
    place: Path, home: Path, take: Callable[[Path], object], caplog: pytest.LogCaptureFixture
) -> None:
    taken = place / f"pfd-{os.getuid()}-x"
    take(taken)
    with caplog.at_level(logging.WARNING, "pfd.worker"):
        folder, again = socket_folder("x", home), socket_folder("x", home)
    assert folder == again
    assert folder.is_relative_to(home / "run")
    for path in (folder, folder.parent, folder.parent.parent):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700
    [told] = [record.getMessage() for record in caplog.records]
    assert f"{taken} is not a private folder of this user" in told
    assert f"{folder} is used" in told


@needs_root
def test_a_place_that_belongs_to_another_user_is_not_used(place: Path, home: Path) -> None:
    os.chown(place, OTHER, OTHER)
    assert socket_folder("x", home).is_relative_to(home / "run")


def test_where_no_folder_can_be_had_that_is_an_error_which_says_what_to_do(place: Path, home: Path) -> None:
    (place / f"pfd-{os.getuid()}-x").touch()
    with pytest.raises(QueueError, match="too long a path") as caught:
        socket_folder("x", home / ("long" * 20))
    assert "PFD_HOME" in (caught.value.hint or "")
    (home / "run").touch()
    with pytest.raises(QueueError, match="cannot be made"):
        socket_folder("x", home)


@pytest.mark.parametrize("take", TAKEN)
def test_jobs_run_and_bells_ring_whatever_was_put_in_the_place_of_all_folders(
    place: Path, home: Path, registry: Registry, take: Callable[[Path], object]
) -> None:
    from core.tests.support.stores import make_settings

    settings = make_settings(home, sweep=30.0, lease=60.0)
    listener = LocalListener(settings)
    listener.close()
    for name in (*ALL, listener.path.parent.name.rpartition("-")[2]):
        folder = place / f"pfd-{os.getuid()}-{name}"
        if folder.is_dir():
            folder.rmdir()
        take(folder)
    with Dispatcher(settings, registry=registry) as dispatcher, Worker(settings, slots=1, registry=registry) as worker:
        assert worker.engine is not None
        assert not is_dead(worker.engine.id, home)
        assert dispatcher.submit("add_apart", {"a": 1, "b": 2}).get(15) == {
            "value": 3
        }  # heard, and not found by a sweep
        assert list((home / "run").glob("*/warm/*.sock"))
        assert list((home / "run").glob("*/alive/*"))
        assert list((home / "run").glob("*/*/*.wakeup"))
    assert not [path for path in place.rglob("*") if path.suffix in (".sock", ".wakeup", ".lock")]


def test_locks_in_the_home_hold_as_those_elsewhere(place: Path, home: Path) -> None:
    for name in ALL:
        (place / f"pfd-{os.getuid()}-{name}").touch()
    device = Place(Device("0", "0"), 0)
    with DeviceLock(device, home) as first, DeviceLock(device, home) as second:
        assert first.try_acquire()
        assert not second.try_acquire()
    line = LivenessLock(WORKER, home)
    assert not is_dead(WORKER, home)
    assert line._lock is not None
    line._lock.close()  # as the kernel does for whoever dies
    line._lock = None
    assert is_dead(WORKER, home)
    liveness_lock.forget(WORKER, home)
    assert not is_dead(WORKER, home)


@needs_root
@pytest.mark.skipif(shutil.which("unshare") is None, reason="unshare is missing: install util-linux")
def test_another_container_does_not_look_into_the_same_folder(place: Path, home: Path) -> None:
    # Process numbers mean others there; on another machine a lock says nothing, and its worker would count as dead.
    (place / f"pfd-{os.getuid()}-x").touch()
    code = f"""
from pathlib import Path
from pfd.socket_folder import socket_folder
print(socket_folder("x", Path({str(home)!r})))
"""
    asked = [sys.executable, "-c", code]
    here, there = (
        subprocess.run([*words, *asked], capture_output=True, text=True, check=True, timeout=60).stdout.strip()
        for words in ([], ["unshare", "--pid", "--fork", "--mount-proc"])
    )
    assert here == str(socket_folder("x", home))
    assert Path(there).parent != Path(here).parent


@needs_root
def test_a_file_of_another_user_in_the_folder_is_not_opened(home: Path) -> None:
    (home / "theirs").touch()
    os.chown(home / "theirs", OTHER, OTHER)
    with pytest.raises(QueueError, match="not a file of this user"):
        open_private(home / "theirs", os.O_RDWR)
    (home / "link").symlink_to("/etc/passwd")
    with pytest.raises(OSError, match="symbolic links"):
        open_private(home / "link", os.O_RDWR)


@needs_root
@pytest.mark.skipif(sys.platform != "linux", reason="Linux is missing: only there are warm servers")
def test_a_warm_server_of_another_user_is_not_spoken_to(
    place: Path, home: Path, registry: Registry, caplog: pytest.LogCaptureFixture
) -> None:
    code = f"""
import os, socket, sys
os.setgroups([]), os.setgid({OTHER}), os.setuid({OTHER})
with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listening:
    listening.bind(sys.argv[1])
    listening.listen()
    print("listens", flush=True)
    listening.accept()[0].recv(10)
"""
    from core.tests.support.stores import make_settings
    from pfd.runner.profile import Profile, job_environment
    from pfd.runner.warm_client import WarmServerClient

    settings = make_settings(home)
    profile = Profile(settings, (), job_environment(1, settings))
    path = socket_folder("warm", home) / f"{profile.name()}.sock"
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        Path(name).chmod(0o777)
        theirs = Path(name, "s")
        listener = subprocess.Popen([sys.executable, "-c", code, str(theirs)], stdout=subprocess.PIPE, text=True)
        assert listener.stdout is not None
        assert listener.stdout.readline() == "listens\n"
        theirs.rename(path)  # as if the folder had been put in the place of ours
        server = WarmServerClient()
        with pytest.raises(QueueError, match=f"a program of user {OTHER} listens"):
            server.spawn(profile, [])
        server.close()
        listener.kill()
        listener.communicate()


@pytest.mark.skipif(sys.platform != "linux", reason="Linux is missing: only it tells who is at the other end")
def test_a_socket_tells_who_is_at_its_other_end() -> None:
    one, other = socket.socketpair()
    with one, other:
        assert peer(one) == (os.getpid(), os.getuid())


def test_a_process_without_a_worker_makes_no_folder_and_says_nothing_of_one(
    place: Path, home: Path, registry: Registry, caplog: pytest.LogCaptureFixture
) -> None:
    """A folder that each notification makes and removes is in the way of the other threads."""
    with Dispatcher(make_settings(home), registry=registry, tells_unserved=False) as dispatcher:
        dispatcher.submit("add", {"a": 1})
        untouched = place.stat().st_mtime_ns

        def submit_some(thread: int) -> None:
            for at in range(30):
                job = dispatcher.submit("add", {"a": thread, "b": at})
                if at % 10 == 0:
                    dispatcher.cancel(job.id)

        with caplog.at_level(logging.WARNING, "pfd"), ThreadPoolExecutor(16) as pool:
            for ended in [pool.submit(submit_some, thread) for thread in range(16)]:
                ended.result()
    assert caplog.messages == []
    assert place.stat().st_mtime_ns == untouched, "something was made in the place of sockets"
    assert not (home / "run").exists()


def test_a_bell_is_heard_in_either_place(place: Path, home: Path) -> None:
    settings = make_settings(home)
    with contextlib.closing(LocalListener(settings)) as first:
        folder = first.path.parent
        moved = folder.rename(folder.with_name("moved"))
        folder.touch()  # another user was quicker, after the first worker had started
        with contextlib.closing(LocalListener(settings)) as second:
            assert listeners(settings) == [second.path]
            folder.unlink()
            moved.rename(folder)
            assert sorted(listeners(settings)) == sorted([first.path, second.path])
    assert listeners(settings) == []


def test_workers_are_rung_from_many_sides_while_their_folder_comes_and_goes(place: Path, home: Path) -> None:
    runtimes = [LocalRuntime(make_settings(home)) for _ in range(4)]

    def ring_often(runtime: LocalRuntime) -> None:
        for _ in range(300):
            runtime.notify(Wakeup("a9a1c2f4-5a0e-4f0e-9d55-2f1f4a7c9d11", "add", "default"))
            with contextlib.closing(LocalListener(make_settings(home))):
                runtime.notify(Wakeup("a9a1c2f4-5a0e-4f0e-9d55-2f1f4a7c9d11", "add", "default"))

    with ThreadPoolExecutor(4) as pool:
        for ended in [pool.submit(ring_often, runtime) for runtime in runtimes]:
            ended.result()
    for runtime in runtimes:
        runtime.close()
    assert not (home / "run").exists()


def test_what_is_to_lie_in_such_a_folder_is_made_once_more_where_that_has_gone(place: Path, home: Path) -> None:
    gone = iter([True, True, False])

    def make(folder: Path) -> Path:
        if next(gone):
            folder.rmdir()
        (folder / "file").touch()
        return folder / "file"

    assert in_socket_folder("racer", home, make).exists()
