"""Import of the CWRU test recordings, hashed, measured and stored, beside `scipy.io.loadmat` of the same files.

The reading process is started before the clock: it takes a second, once an import, whatever there is to import.  How
long its start takes is in the notes.  Needs the recordings that `PFD_TEST_DATA` names.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import scipy.io

from benchmarks.measure import Comparison, Side, interleaved
from pfd_plugin_data import DatasetWriter
from pfd_plugin_mat_import.copies import CopyFinder
from pfd_plugin_mat_import.findings import Measured, find
from pfd_plugin_mat_import.importing import import_files
from pfd_plugin_mat_import.measures import measure as measure_signal
from pfd_plugin_mat_import.reader import Reader
from pfd_plugin_mat_import.sources import find_files

GOAL = 8


def measure(runs: int) -> list[Comparison]:
    if not (data := os.environ.get("PFD_TEST_DATA")):
        # The figures of other modules, measured in the same run, are not to be lost.
        print("mat_import: not measured, PFD_TEST_DATA is not set: it names the folder of real recordings, with cwru/")
        return []
    folder = Path(data) / "cwru"
    paths = sorted(folder.glob("*.mat"))
    with Reader() as reader, tempfile.TemporaryDirectory() as target:
        began = time.perf_counter()
        reader.read(paths[0])
        start = time.perf_counter() - began
        found = interleaved(
            {
                "import": lambda: _milliseconds(lambda: _import(reader, folder, Path(target))),
                "loadmat": lambda: _milliseconds(lambda: _load(paths)),
            },
            runs,
        )
    return [
        Comparison(
            f"Import of {len(paths)} CWRU recordings, with hashes and findings",
            f"at most {GOAL} × loadmat, a ratio of at least {1 / GOAL:.3f}",
            Side("import", "read in the reading process, SHA-256, findings, dataset file", found["import"], "ms"),
            (Side("scipy.io.loadmat", "each file read into memory", found["loadmat"], "ms"),),
            {"start of the reading process, with the first file, ms": start * 1e3},
        )
    ]


def _import(reader: Reader, source: Path, target: Path) -> None:
    measured, copies = [], CopyFinder()
    with DatasetWriter(target / "cwru.h5", "cwru") as writer:
        for outcome in import_files(find_files(source, reader), reader):
            assert outcome.imported is not None, outcome.reason
            info, signal = outcome.imported.info, outcome.imported.signal
            measures = measure_signal(info, signal)
            info = measures.described(info)
            writer.add(info, signal)
            copies.add(signal)
            measured.append(Measured(info, measures, outcome.imported.notes))
    find(measured, copies.find())


def _load(paths: list[Path]) -> None:
    for path in paths:
        scipy.io.loadmat(path)


def _milliseconds(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return (time.perf_counter() - began) * 1e3
