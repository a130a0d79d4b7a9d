"""Peak memory of an import of one recording of ten minutes at 48 kHz, and of the features of all its windows.

Each peak is the kernel's `VmHWM` of a process of its own, as in `dataset_memory`: that of the import, of the process
that reads the file for it, and of the features.  Beside them stands `scipy.io.loadmat` of the same file.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import scipy.io

from benchmarks.dataset_memory import GOAL_MIB, PEAK
from benchmarks.measure import Comparison, Side, interleaved

RATE = 48_000
SECONDS = 600
RPM = 1770.0

IMPORT = """
import sys
from pathlib import Path
import psutil
from pfd_plugin_data import DatasetWriter
from pfd_plugin_mat_import.copies import CopyFinder
from pfd_plugin_mat_import.examining import examine
from pfd_plugin_mat_import.findings import find
from pfd_plugin_mat_import.importing import import_files
from pfd_plugin_mat_import.params import FileMapping
from pfd_plugin_mat_import.reader import Reader
from pfd_plugin_mat_import.sources import find_files

def peak(process):
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:"))

values = {"sample_rate_hz": 48000, "fault_type": "normal", "bearing_id": "b", "rpm": 1770}
mapping = FileMapping.model_validate({"channels": [{"variable": "x"}], "values": values})
source, target, copies = Path(sys.argv[1]), Path(sys.argv[2]), CopyFinder()
with Reader(mapping=mapping) as reader, DatasetWriter(target, "long") as writer:
    for outcome, found in examine(import_files(find_files(source, reader), reader), copies):
        writer.add(found.info, outcome.imported.signal)
    find([found], copies.find())
    [child] = psutil.Process().children()
    print(peak("self"), peak(child.pid))
"""

FEATURES = """
import sys
from pathlib import Path
from pfd_plugin_data import fault_orders, iter_windows, open_dataset
from pfd_plugin_features.envelope_domain import line_orders
from pfd_plugin_features.extraction import choose, compute
from pfd_plugin_features.condition import Condition

geometry = {"n_balls": 9, "ball_d_mm": 7.94, "pitch_d_mm": 39.04, "contact_deg": 0.0}
condition = Condition(48e3, 4096, 24e3, 29.5, None, "", line_orders(fault_orders(geometry)))
features, _ = choose(("time", "frequency", "envelope"), [condition])
assert len(features) >= 28
with open_dataset(Path(sys.argv[2])) as dataset:
    for batch in iter_windows(dataset, [0], window=4096, hop=2048):
        compute(features, batch.x, condition)
"""

LOAD = """
import sys
import scipy.io
scipy.io.loadmat(sys.argv[1])
"""


def measure(runs: int) -> list[Comparison]:
    with tempfile.TemporaryDirectory(prefix="import-memory-") as name:
        source, target = Path(name, "long.mat"), Path(name, "long.h5")
        _write(source)
        reading: list[float] = []

        def imported() -> float:
            own, reader = _run(IMPORT, source, target)
            reading.append(reader)
            return own

        sides = {
            "import": imported,
            "features": lambda: _run(FEATURES + "from pathlib import Path" + PEAK, source, target)[0],
            "loadmat": lambda: _run(LOAD + "from pathlib import Path" + PEAK, source, target)[0],
        }
        imported()  # the features need its dataset
        found = interleaved(sides, min(runs, 3))
    what = f"one recording of {SECONDS // 60} min at {RATE / 1e3:g} kHz, float64"
    peer = (Side("scipy.io.loadmat", "the same file", found["loadmat"], "MiB"),)
    return [
        Comparison(f"Peak memory of {title}", f"under {GOAL_MIB} MiB", Side(title, what, values, "MiB"), peer)
        for title, values in (
            ("an import", found["import"]),
            ("the process that reads for it", tuple(reading)),
            ("28 features of all windows", found["features"]),
        )
    ]


def _write(path: Path) -> None:
    t = np.arange(SECONDS * RATE) / RATE
    x = np.random.default_rng(0).standard_normal(t.size)
    for order in (1, 2, 3):
        x += 0.3 * np.sin(2 * np.pi * order * RPM / 60 * t)
    scipy.io.savemat(path, {"x": x})


def _run(code: str, *paths: Path) -> list[float]:
    command = [sys.executable, "-c", code, *map(str, paths)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return [float(word) for word in done.stdout.split()]
