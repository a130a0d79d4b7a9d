"""Windows of real recordings, found through `PFD_TEST_DATA`."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.sim_to_real.generated import FAULTS, GEOMETRIES
from benchmarks.sim_to_real.lines import RATE_HZ, SAMPLES, Floats
from pfd_plugin_data import SpeedSource
from pfd_plugin_data.sources import resample
from pfd_plugin_mat_import.importing import import_files
from pfd_plugin_mat_import.measures import measure
from pfd_plugin_mat_import.reader import Reader
from pfd_plugin_mat_import.sources import find_files


@dataclass(frozen=True)
class Window:
    """One window of a recording."""

    x: Floats
    rpm: float
    geometry: Mapping[str, float]
    fault: str
    bearing: str
    record: str


def folder(name: str) -> Path:
    """A data set's folder.  Raises `SystemExit` where there is none."""
    root = os.environ.get("PFD_TEST_DATA", "")
    found = Path(root, name)
    if not root or not found.is_dir():
        raise SystemExit(f"no {name} recordings: set PFD_TEST_DATA to a folder with {name}/*.mat")
    return found


def windows(name: str, *, overlap: float = 0.0, speed_source: SpeedSource = "declared") -> Iterator[Window]:
    """The windows of all faulty recordings of a data set, its first channel at 12 kHz.

    The bearing of UESTC is not named.  BPFO, BPFI and FTF of its envelope spectra are those of 8 balls of 7.94 mm on
    33.5 mm, as in an ER-12K.
    """
    source = folder(name)
    with Reader() as reader:
        outcomes = list(import_files(find_files(source, reader), reader))
    for outcome in outcomes:
        if outcome.imported is None:
            raise SystemExit(f"{outcome.file}: {outcome.reason}")
        info = outcome.imported.info
        if info.fault_type not in FAULTS:
            continue
        rpm = info.rpm
        if speed_source == "measured":
            rpm = measure(info, outcome.imported.signal).described(info).rpm_measured or rpm
        geometry = GEOMETRIES["ER-12K"] if name == "uestc" else info.geometry
        if rpm is None or geometry is None:
            raise SystemExit(f"{outcome.file}: speed or geometry is unknown")
        x = resample(outcome.imported.signal[0], info.sample_rate_hz, RATE_HZ).astype(np.float64)
        for start in range(0, len(x) - SAMPLES + 1, int(SAMPLES * (1 - overlap))):
            part = x[start : start + SAMPLES]
            yield Window(part, rpm, geometry, info.label, info.bearing_id, info.record_id)
