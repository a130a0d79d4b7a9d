"""Import of the test recordings, and of a folder of a hundred files, beside `scipy.io.loadmat` of the same files.

The reading process is started before the clock: it takes a second, once an import, whatever there is to import.  How
long its start takes is in the notes.  Needs the recordings that `PFD_TEST_DATA` names.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import scipy.io

from benchmarks.measure import Comparison, Side, interleaved
from pfd_plugin_data import DatasetWriter
from pfd_plugin_mat_import.copies import CopyFinder
from pfd_plugin_mat_import.examining import examine
from pfd_plugin_mat_import.findings import find
from pfd_plugin_mat_import.importing import import_files
from pfd_plugin_mat_import.layouts.cwru_table import TESTS
from pfd_plugin_mat_import.reader import Reader
from pfd_plugin_mat_import.sources import find_files

LAYOUTS = ("cwru", "mfpt", "uestc")
SAMPLES = 120_000

LOAD = """
import sys, time
import scipy.io
paths = sys.argv[1:]
scipy.io.loadmat(paths[0])
began = time.perf_counter()
for path in paths:
    scipy.io.loadmat(path)
print((time.perf_counter() - began) * 1e3)
"""


def measure(runs: int) -> list[Comparison]:
    found = []
    with tempfile.TemporaryDirectory(prefix="mat-import-") as name:
        if data := os.environ.get("PFD_TEST_DATA"):
            paths = [path for layout in LAYOUTS for path in sorted(Path(data, layout).glob("*.mat"))]
            sources = [Path(data, layout) for layout in LAYOUTS]
            found.append(_compared(f"{len(paths)} recordings of CWRU, MFPT and UESTC", 8, sources, paths, runs))
        else:
            # The figures of other modules, measured in the same run, are not to be lost.
            print("mat_import: no real recordings, PFD_TEST_DATA is not set: it names their folder")
        folder = Path(name, "hundred")
        paths = _hundred(folder)
        found.append(_compared(f"a folder of {len(paths)} files as of CWRU", 10, [folder], paths, runs))
    return found


def _hundred(folder: Path) -> list[Path]:
    """Files as those of CWRU, of three channels and ten seconds each, under numbers of its tables."""
    folder.mkdir()
    t = np.arange(SAMPLES) / 12_000
    for number in sorted(TESTS)[:100]:
        rng = np.random.default_rng(number)
        turning = sum(np.sin(2 * np.pi * order * 29.53 * t) for order in (1, 2, 3))
        channels = {f"X{number:03d}_{end}_time": rng.standard_normal(SAMPLES) + turning for end in ("DE", "FE", "BA")}
        scipy.io.savemat(folder / f"{number}.mat", channels | {f"X{number:03d}RPM": 1772})
    return sorted(folder.glob("*.mat"))


def _compared(what: str, goal: int, sources: list[Path], paths: list[Path], runs: int) -> Comparison:
    with Reader() as reader, tempfile.TemporaryDirectory() as target:
        began = time.perf_counter()
        reader.read(paths[0])
        start = time.perf_counter() - began
        found = interleaved(
            {
                "import": lambda: _milliseconds(lambda: _import(reader, sources, Path(target))),
                "loadmat": lambda: _load(paths),
                "again": lambda: _milliseconds(lambda: _load_again(paths)),
            },
            runs,
        )
    return Comparison(
        f"Import of {what}, with hashes and findings",
        f"at most {goal} × loadmat, a ratio of at least {1 / goal:.3f}",
        Side("import", "read in the reading process, SHA-256, findings, dataset file", found["import"], "ms"),
        (
            Side("scipy.io.loadmat", "a script that reads each file into memory", found["loadmat"], "ms"),
            Side("the same again", "each into the memory that the ones before have warmed", found["again"], "ms"),
        ),
        {"start of the reading process, with the first file, ms": start * 1e3},
    )


def _import(reader: Reader, sources: list[Path], target: Path) -> None:
    files = [file for source in sources for file in find_files(source, reader)]
    copies, measured = CopyFinder(), []
    with DatasetWriter(target / "all.h5", "all") as writer:
        for outcome, found in examine(import_files(files, reader), copies):
            assert outcome.imported is not None, outcome.reason
            assert found is not None
            writer.add(found.info, outcome.imported.signal)
            measured.append(found)
        find(measured, copies.find())


def _load(paths: list[Path]) -> float:
    """Milliseconds in which a script loads the files, once each, when it has loaded its libraries.

    In a process of its own, as the script of a user: where arrays of these sizes have been freed before, the C library
    keeps memory for the next ones, and loading takes a third of the time or less.
    """
    command = [sys.executable, "-c", LOAD, *map(str, paths)]
    return float(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)


def _load_again(paths: list[Path]) -> None:
    for path in paths:
        scipy.io.loadmat(path)


def _milliseconds(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return (time.perf_counter() - began) * 1e3
