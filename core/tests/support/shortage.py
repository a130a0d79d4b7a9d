"""Programs with a worker that lacks open files or threads, by a limit that they set themselves."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import textwrap
from typing import Any

from core.tests.support.stores import as_environment
from pfd import Settings

PRELUDE = """
import contextlib, json, os, resource, socket, threading, time
from pathlib import Path
from core.tests.support.waiting import until
from pfd import Dispatcher, Worker, load_settings

settings = load_settings().values

@contextlib.contextmanager
def limited(kind, most):
    soft, hard = resource.getrlimit(kind)
    resource.setrlimit(kind, (most, hard))
    try:
        yield
    finally:
        resource.setrlimit(kind, (soft, hard))

def no_files():
    # One by one: to list them takes another.
    first_free = next(number for number in range(10**6) if not Path(f"/proc/self/fd/{number}").exists())
    return limited(resource.RLIMIT_NOFILE, first_free)

@contextlib.contextmanager
def no_threads():
    over = threading.Event()
    threading.stack_size(64 * 2**20)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    with limited(resource.RLIMIT_AS, used + 32 * 2**20):  # memory enough, but for no stack
        with contextlib.suppress(RuntimeError):
            while True:
                threading.Thread(target=over.wait, daemon=True).start()
        try:
            yield
        finally:
            over.set()
            threading.stack_size(0)
"""

A_WORKER = """
with Worker(settings, slots=1) as worker, Dispatcher(settings) as dispatcher:
    dispatcher.submit(TASK, PARAMS).get(60)  # all that is loaded late is loaded now
    before, ask = asking(worker, dispatcher)(), asking(worker, dispatcher)
    with LIMIT():
        one = dispatcher.submit(TASK, PARAMS)
        cpu = time.process_time()
        until(lambda: len([claim for claim in dispatcher.claims(one.id) if claim.outcome]) == 1)
        cpu = time.process_time() - cpu
        meanwhile = ask()
    done = one.wait(60)
    other = dispatcher.submit(TASK, PARAMS).wait(60)
    said = [claim.outcome for claim in dispatcher.claims(one.id)]
    after = asking(worker, dispatcher)()
print(dict(states=[done.state.value, other.state.value], attempt=done.attempt, lost=done.lost, said=said, cpu=cpu,
           told=[before, meanwhile, after]))
"""
"""Runs TASK under LIMIT.  `asking(worker, dispatcher)`, which whoever runs it defines, asks the worker how it is."""

LACKS = [
    ("add_apart", {"a": 1}, "no_files", "Too many open files"),
    ("gather", {"children": 0}, "no_threads", "can't start new thread"),
]
"""A task, its parameters, a limit, and what its worker lacks then."""


def run(settings: Settings, code: str) -> Any:
    """What a program prints as its last line; it may limit itself."""
    done = subprocess.run(
        [sys.executable, "-c", PRELUDE + textwrap.dedent(code)],
        env=os.environ | as_environment(settings),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return ast.literal_eval(done.stdout.splitlines()[-1])


def run_short(settings: Settings, asking: str, task: str, params: dict[str, Any], limit: str) -> dict[str, Any]:
    """What became of jobs of a worker under a limit, and what `asking` was told before, meanwhile and after."""
    code = A_WORKER.replace("TASK", repr(task)).replace("PARAMS", repr(params)).replace("LIMIT", limit)
    found: dict[str, Any] = run(settings, textwrap.dedent(asking) + code)
    return found
