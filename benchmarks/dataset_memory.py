"""Peak memory of a process that writes a dataset of 1 and of 10 GB, and of one that reads all its windows.

The peak is the kernel's `VmHWM` of a process of its own: all that it ever held at once, interpreter, libraries and
mapped pages of the file included.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.measure import Comparison, Side, interleaved

SIZES_GB = (1, 10)
SECONDS = 100
RATE = 50_000
BYTES = 4 * SECONDS * RATE
"""Of one recording: 20 MB."""

GOAL_MIB = 500

WRITE = """
import sys
from pathlib import Path
import numpy as np
from pfd_plugin_data import ChannelInfo, DatasetWriter, RecordingInfo

path, count, samples, rate = Path(sys.argv[1]), *map(int, sys.argv[2:5])
signal = np.random.default_rng(0).standard_normal((1, samples), np.float32)
columns = ("normal", None, None, None, None, 1772.0, "nominal", None)
with DatasetWriter(path, "big") as writer:
    for index in range(count):
        signal[0, 0] = index
        info = RecordingInfo(
            f"r{index}", f"b{index}", None, None, *columns, (ChannelInfo("DE"),), float(rate), samples, "0", "x", None
        )
        writer.add(info, signal)
"""

READ = """
import json
import sys
from pathlib import Path
from pfd_plugin_data import iter_windows, open_dataset

count, samples = map(int, sys.argv[2:4])
windows = 0
with open_dataset(Path(sys.argv[1])) as dataset:
    for batch in iter_windows(dataset, range(count), window=2048, hop=1024, **json.loads(sys.argv[5])):
        windows += len(batch.x)
        assert batch.x.sum() != 0  # each sample is looked at
assert windows >= count * (samples // 1024 // 6)
"""

PEAK = """
[line] = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM:")]
print(int(line.split()[1]) / 1024)
"""
"""Linux counts in kibibytes.  Not `ru_maxrss`, which a new program inherits from the process that has started it."""

READINGS = {
    "read, as it is stored": "{}",
    "read, low-passed and resampled": '{"lowpass_hz": 4000.0, "sample_rate_hz": 12000.0}',
}


def peak_mib(code: str, path: Path, gigabytes: float, conditions: str = "{}") -> float:
    """MiB of the most that a process of its own has held; it runs `WRITE` or `READ`."""
    count = max(1, round(gigabytes * 1e9 / BYTES))
    arguments = [str(path), str(count), str(SECONDS * RATE), str(RATE), conditions]
    done = subprocess.run([sys.executable, "-c", code + PEAK, *arguments], check=True, capture_output=True, text=True)
    return float(done.stdout)


def measure(runs: int) -> list[Comparison]:
    found: dict[tuple[str, int], tuple[float, ...]] = {}
    with tempfile.TemporaryDirectory(prefix="dataset-memory-") as name:
        path = Path(name, "big.h5")
        if (free := shutil.disk_usage(name).free) < 1.2e9 * max(SIZES_GB):
            raise RuntimeError(f"{max(SIZES_GB)} GB are written to {name}; only {free / 1e9:.1f} GB are free")
        for size in SIZES_GB:
            found["write", size] = interleaved({"": lambda size=size: peak_mib(WRITE, path, size)}, min(runs, 2))[""]  # type: ignore[misc]
            sides = {
                what: lambda size=size, options=options: peak_mib(READ, path, size, options)
                for what, options in READINGS.items()
            }
            for what, values in interleaved(sides, min(runs, 2)).items():
                found[what, size] = values
    small, large = SIZES_GB
    return [
        Comparison(
            f"Peak memory of a dataset of {large} GB: {what}",
            f"under {GOAL_MIB} MiB",
            Side(
                f"PFD, {large} GB",
                f"recordings of {BYTES / 1e6:.0f} MB, windows of 2048, hop 1024",
                found[what, large],
                "MiB",
            ),
            (Side(f"PFD, {small} GB", "the same", found[what, small], "MiB"),),
        )
        for what in ("write", *READINGS)
    ]
