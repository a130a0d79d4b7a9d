"""Has a plugin looked at in another interpreter, which may exit, hang or crash."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import IO, Any

from pfd.check.finding import Declared, Finding

MOST_DEATHS = 5
"""Of a plugin that has ended so many interpreters nothing more is asked."""

_WHILE_IMPORTED = "a module defines: what takes time or may fail belongs into the function that a job calls"

STARTS = 60.0
"""Seconds that an interpreter may take to begin; on a busy machine that is no fault of a plugin."""

_START = {"subject": "manifest", "field": "", "doing": "starting an interpreter", "path": ""}
_POLL = 0.02
_FRAME = re.compile(r'^  File "([^"\n]+)", line (\d+) in ', re.MULTILINE)


@dataclass
class Looked:
    """What was found about a plugin.  `whole` says whether all of its hooks could be asked what they register."""

    findings: list[Finding] = field(default_factory=list)
    declared: list[Declared] = field(default_factory=list)
    whole: bool = False


def look(entry: EntryPoint, patience: float, stop: threading.Event, *, deep: bool = True) -> Looked:
    """Look at a plugin: where an interpreter ends over something, another one looks at the rest.

    Parameters
    ----------
    patience : seconds without a word from it after which it counts as hanging.
    stop : set where nobody wants to know any more.
    deep : whether to look at what the manifest names, and not only at what it registers.
    """
    deaths: list[Finding] = []
    skip: list[str] = []
    while True:
        said, death = _run(entry, patience, stop, skip, deep=deep)
        found = Looked(
            [*deaths, *(Finding(**one) for one in said["finding"])],
            [Declared(**one) for one in said["declared"]],
            whole=bool(said["whole"]),
        )
        if not death or stop.is_set():
            return found
        doing = said["doing"][-1] if said["doing"] else _START
        deaths.append(
            Finding(
                entry.name,
                doing["subject"],
                doing["field"],
                f"{doing['doing']} {death.how}",
                hint=_WHILE_IMPORTED if doing["doing"].startswith("importing") else "",
                path=death.path or doing["path"],
                trace=death.trace,
            )
        )
        found.findings.append(deaths[-1])
        if doing is _START or doing["doing"] in skip or len(deaths) >= MOST_DEATHS:
            return found
        skip.append(doing["doing"])


@dataclass(frozen=True)
class _Death:
    how: str
    path: str
    trace: str = ""


def _run(
    entry: EntryPoint, patience: float, stop: threading.Event, skip: list[str], *, deep: bool
) -> tuple[dict[str, Any], _Death | None]:
    """What an interpreter has reported, and how it has ended where that was before it was done."""
    asked = {"name": entry.name, "value": entry.value, "path": sys.path, "skip": skip, "deep": deep}
    with tempfile.TemporaryFile() as report, tempfile.TemporaryFile() as crash, tempfile.TemporaryFile() as given:
        given.write(json.dumps(asked).encode())
        given.seek(0)
        descriptors = report.fileno(), crash.fileno()
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "pfd.check.inside", *map(str, descriptors)],
            stdin=given,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=descriptors,
            start_new_session=True,
        )
        try:
            hung = not _ends(process, report, patience, stop)
        finally:
            _end_group(process)
        said = _said(report)
        if said["done"]:
            return said, None
        if said["fault"]:
            fault = said["fault"][-1]
            return said, _Death(f"ends with {fault['reason']}", "", fault["trace"])
        folder = Path(said["folder"][-1]) if said["folder"] and said["folder"][-1] else None
        return said, _Death(_how(process, patience, hung=hung), _crash_place(crash, folder))


def _ends(process: subprocess.Popen[bytes], report: IO[bytes], patience: float, stop: threading.Event) -> bool:
    """Wait for the end; False where nothing was reported for so long.  It is then asked where it stands."""
    heard, last = 0, time.monotonic()
    while not stop.is_set():
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_POLL)
            return True
        if (size := os.fstat(report.fileno()).st_size) != heard:
            heard, last = size, time.monotonic()
        if time.monotonic() - last > (patience if heard else max(patience, STARTS)):
            process.send_signal(signal.SIGABRT)  # it writes down its frames
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(1.0)
            return False
    return True


def _end_group(process: subprocess.Popen[bytes]) -> None:
    """End it and what it has started."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _how(process: subprocess.Popen[bytes], patience: float, *, hung: bool) -> str:
    if hung:
        return f"goes on for more than {patience:g} s"
    code = process.returncode
    if code < 0:
        return f"ends the interpreter by {signal.Signals(-code).name}"
    return f"ends the interpreter with exit code {code}"


def _crash_place(crash: IO[bytes], folder: Path | None) -> str:
    """`file:line` of the innermost frame of the plugin, where the interpreter could write down its frames."""
    crash.seek(0)
    frames = _FRAME.findall(crash.read(2**20).decode(errors="replace"))
    own = (f"{file}:{line}" for file, line in frames if folder is not None and Path(file).is_relative_to(folder))
    return next(own, "")


def _said(report: IO[bytes]) -> dict[str, list[Any]]:
    """The lines of a report, by what they are of; one that was cut short is left out."""
    said: dict[str, list[Any]] = {
        kind: [] for kind in ("finding", "declared", "doing", "folder", "whole", "fault", "done")
    }
    report.seek(0)
    for line in report:
        with contextlib.suppress(ValueError):
            for kind, value in json.loads(line).items():
                said[kind].append(value)
    return said
