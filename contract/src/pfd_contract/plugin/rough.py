"""Tasks that make it hard for whoever runs them."""

# ruff: noqa: ARG001  (a task takes parameters, also where it needs none)

from __future__ import annotations

import contextlib
import ctypes
import errno
import json
import multiprocessing
import os
import signal
import stat
import subprocess
import sys
import threading
import time

import psutil

from pfd import TaskContext
from pfd_contract.plugin.params import (
    Anything,
    LeaveParams,
    NapParams,
    NoParams,
    Number,
    Run,
    ScribbleParams,
    ScriptParams,
    SizeParams,
    SleepParams,
    StopParams,
)
from pfd_contract.plugin.plain import STEP, linger, this_run
from pfd_contract.plugin.witness import Witness, witness_folder, witnessed

MOST_DESCRIPTORS = 1024
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "LOKY_MAX_CPU_COUNT")

_GRANDCHILD = "import os, time; os.setsid(); print('free', flush=True); time.sleep(600)"


_BELOW = """
import json, os, signal, stat
def is_socket(fd):
    try:
        return stat.S_ISSOCK(os.fstat(fd).st_mode)
    except OSError:
        return False
blocked = [int(number) for number in signal.pthread_sigmask(signal.SIG_BLOCK, ())]
print(json.dumps({"blocked below": blocked, "sockets below": sum(map(is_socket, range(3, 1024)))}))
"""
"""What a program that a task starts has of it, though nothing is closed for that program."""


def sleep_in_c(params: SleepParams, ctx: TaskContext) -> Run:
    """Sleeps where no handler of Python runs and no thread of this interpreter, since it holds the GIL."""
    with witnessed(ctx) as witness:
        if params.once and witness.runs_so_far() > 1:
            return this_run(ctx)
        if params.grandchild:
            command = [sys.executable, "-S", "-c", _GRANDCHILD]
            process = subprocess.Popen(command, pass_fds=(witness.lock,), stdout=subprocess.PIPE)
            assert process.stdout is not None
            process.stdout.readline()
            witness.note("grandchild", process.pid)
        witness.note("in C")
        _block(params.seconds)
        return this_run(ctx)


class _Timespec(ctypes.Structure):
    _fields_ = (("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long))


def _block(seconds: float) -> None:
    """Wait in C code with the GIL held.

    For a mutex that nobody gives back: unlike `sleep`, and like code that computes, it does not return for a signal.
    """
    libc = ctypes.PyDLL(None)  # unlike CDLL, it keeps the GIL
    mutex = ctypes.create_string_buffer(128)  # zeros are an unlocked one
    assert libc.pthread_mutex_lock(mutex) == 0
    until = time.time() + seconds
    moment = _Timespec(int(until), int(until % 1 * 1e9))
    assert libc.pthread_mutex_timedlock(mutex, ctypes.byref(moment)) == errno.ETIMEDOUT


def sleep_in_c_with_limit(params: SleepParams, ctx: TaskContext) -> Run:
    return sleep_in_c(params, ctx)


def stubborn(params: NapParams, ctx: TaskContext) -> Run:
    """Ignores signals and exceptions until its gate opens."""
    with witnessed(ctx) as witness:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGXCPU):
            signal.signal(number, signal.SIG_IGN)
        witness.note("deaf")
        gate = witness_folder(ctx.settings.home) / params.gate
        while not gate.exists():
            with contextlib.suppress(BaseException):
                time.sleep(STEP)
        return this_run(ctx)


class _Lingering:
    """Something that takes its time to go, in a finaliser, where Python drops what is raised."""

    def __init__(self, witness: Witness) -> None:
        self._witness = witness

    def __del__(self) -> None:
        self._witness.note("finalises")
        time.sleep(600)


def finalise(params: NapParams, ctx: TaskContext) -> Run:
    """Is asked to stop in a finaliser, and goes on to wait for its gate."""
    with witnessed(ctx) as witness:
        _Lingering(witness)
        witness.note("goes on")
        gate = witness_folder(ctx.settings.home) / params.gate
        while not gate.exists():
            time.sleep(STEP)
        return this_run(ctx)


def leave(params: LeaveParams, ctx: TaskContext) -> Run:
    with witnessed(ctx) as witness:
        if witness.runs_so_far() > params.times:
            return this_run(ctx)
        if params.how.isdigit():
            os._exit(int(params.how))
        os.kill(os.getpid(), signal.Signals[params.how])
        time.sleep(60)
        raise AssertionError("it is dead")


def halt(params: StopParams, ctx: TaskContext) -> Run:
    """Stops what runs it, or itself, and waits for its gate."""
    with witnessed(ctx) as witness:
        supervisor = psutil.Process(os.getppid())
        what = {"keeper": supervisor, "server": supervisor.parent()}.get(params.what)
        if params.again and os.fork() == 0:
            witness.note("stops it again")
            while what is not None:
                what.suspend()
                time.sleep(0.001)
        if what is not None:
            what.suspend()
        witness.note("stopped")
        if what is None:
            os.kill(0 if params.what == "its group" else os.getpid(), signal.SIGSTOP)
        gate = witness_folder(ctx.settings.home) / params.gate
        while not gate.exists():
            time.sleep(STEP)
        return this_run(ctx)


def scribble(params: ScribbleParams, ctx: TaskContext) -> Run:
    """Writes where it has no business to."""
    with witnessed(ctx):
        for fd in range(3, MOST_DESCRIPTORS):
            with contextlib.suppress(OSError):
                for _ in range(params.times if stat.S_ISSOCK(os.fstat(fd).st_mode) else 0):
                    os.write(fd, params.what.encode("latin-1"))
        time.sleep(600)
        return this_run(ctx)


def script(params: ScriptParams, ctx: TaskContext) -> Run:
    """Each run does what is written for it; the one after the last ends well."""
    with witnessed(ctx) as witness:
        match dict(enumerate(params.runs, 1)).get(witness.runs_so_far()):
            case "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            case "retry":
                raise ConnectionError("the other side hung up")
            case "fail":
                raise ValueError("this is wrong")
        return this_run(ctx)


def print_much(params: SizeParams, ctx: TaskContext) -> Run:
    """Prints `size` MiB between a first and a last line."""
    with witnessed(ctx):
        print("the first line", flush=True)
        block = (b"x" * 127 + b"\n") * 2048  # 256 KiB
        for _ in range(4 * params.size):
            os.write(1, block)
        print("the last line", flush=True)
        return this_run(ctx)


def eat(params: SizeParams, ctx: TaskContext) -> Run:
    """Has a child of its own eat `size` MiB of memory, and waits for it."""
    with witnessed(ctx):
        child = os.fork()
        if child == 0:
            hoard = [os.urandom(2**20) for _ in range(params.size)]
            time.sleep(60)
            os._exit(len(hoard) % 2)
        os.waitpid(child, 0)
        return this_run(ctx)


def hoard(params: SizeParams, ctx: TaskContext) -> Run:
    """Writes `size` MiB into a file of shared memory that nothing maps."""
    with witnessed(ctx):
        fd = os.memfd_create("hoard")
        for _ in range(params.size):
            os.write(fd, bytes(2**20))
        time.sleep(60)
        return this_run(ctx)


def share(params: SizeParams, ctx: TaskContext) -> Run:
    """Shares `size` MiB of memory with three children for a while."""
    with witnessed(ctx):
        hoard = bytearray(os.urandom(2**20)) * params.size
        children = []
        for _ in range(3):
            if (child := os.fork()) == 0:
                time.sleep(2)
                os._exit(0)
            children.append(child)
        for child in children:
            os.waitpid(child, 0)
        assert hoard
        return this_run(ctx)


def daemonise(params: NapParams, ctx: TaskContext) -> Run:
    """Leaves a daemon behind, made by the book: forked twice, in a session of its own, with its lock and its output."""
    with witnessed(ctx) as witness:
        if (child := os.fork()) == 0:
            os.setsid()
            if os.fork() == 0:
                witness.note("daemon")
                time.sleep(600)
            os._exit(0)
        os.waitpid(child, 0)
        while not witness.noted("daemon"):
            time.sleep(STEP)
        linger(params, ctx)
        return this_run(ctx)


def crowd(params: SizeParams, ctx: TaskContext) -> Anything:
    """Has worker processes of its own, forked and spawned, as a loader of training data does."""
    with witnessed(ctx):
        found = {}
        for method in ("fork", "spawn"):
            with multiprocessing.get_context(method).Pool(2) as pool:
                found[method] = pool.map(abs, range(-params.size, 0))
        return Anything(value={**found, "ended by": _ended_by(signal.SIGTERM)})


def _ended_by(number: signal.Signals) -> int:
    """What a forked process ends with that is sent a signal at once, as a pool that closes does with its own."""
    if (child := os.fork()) == 0:
        with contextlib.suppress(BaseException):
            time.sleep(600)
        os._exit(0)
    os.kill(child, number)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def close_all(params: NapParams, ctx: TaskContext) -> Run:
    """Closes every descriptor that it did not open itself, and lives on for a while."""
    with witnessed(ctx) as witness:
        for fd in range(MOST_DESCRIPTORS):
            if fd != witness.lock:
                with contextlib.suppress(OSError):
                    os.close(fd)
        witness.note("closed")
        until = time.monotonic() + params.seconds
        while time.monotonic() < until:
            time.sleep(STEP)
        witness.note("still here")
        return this_run(ctx)


def surroundings(params: NoParams, ctx: TaskContext) -> Anything:
    """Where it runs."""
    with witnessed(ctx):
        spec = sys.modules["__main__"].__spec__
        return Anything(
            value={
                "pid": os.getpid(),
                "main": spec.name if spec else None,
                "daemonic": multiprocessing.current_process().daemon,
                "main thread": threading.current_thread() is threading.main_thread(),
                "threads": {name: os.environ.get(name) for name in THREADS},
                "devices": os.environ.get("CUDA_VISIBLE_DEVICES"),
                "blocked": sorted(signal.pthread_sigmask(signal.SIG_BLOCK, ())),
                **json.loads(subprocess.check_output([sys.executable, "-S", "-c", _BELOW], close_fds=False)),
            }
        )


def far_from_cuda(params: NoParams, ctx: TaskContext) -> Anything:
    """Which program it was forked from, if any, and whether a module is loaded that has initialised CUDA."""
    with witnessed(ctx):
        spec = sys.modules["__main__"].__spec__
        return Anything(value={"main": spec.name if spec else None, "touched": "contract_touches_cuda" in sys.modules})


def version(params: NoParams, ctx: TaskContext) -> Number:
    """What a module says that was imported before the job began, where there is one."""
    with witnessed(ctx):
        module = sys.modules.get("contract_changing")
        return Number(value=getattr(module, "VERSION", 0))
