"""Recordings to test with."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from pfd_plugin_data import ChannelInfo, DatasetWriter, Finding, RecordingInfo

MakeInfo = Callable[..., RecordingInfo]


def _make_info(
    record_id: str = "r0", *, n_samples: int = 100, sensors: tuple[str, ...] = ("DE",), **columns: Any
) -> Any:
    defaults: dict[str, Any] = {
        "bearing_id": record_id,
        "specimen": "SKF 6205-2RS",
        "geometry": {"n_balls": 9, "ball_d_mm": 7.94, "pitch_d_mm": 39.04, "contact_deg": 0.0},
        "fault_type": "ball",
        "fault_size": 0.007,
        "fault_origin": "seeded",
        "severity": None,
        "condition": None,
        "rpm": 1797.0,
        "rpm_source": "file",
        "load": "0 hp",
        "sample_rate_hz": 12_000.0,
        "sha256": "0" * 64,
        "source": "test bench",
        "licence": None,
    }
    channels = tuple(ChannelInfo(sensor, "radial", "g") for sensor in sensors)
    return RecordingInfo(record_id=record_id, n_samples=n_samples, channels=channels, **(defaults | columns))


@pytest.fixture(scope="session")
def make_info() -> MakeInfo:
    """Make the columns of a recording, any of them given by name."""
    return _make_info


@pytest.fixture
def write_dataset(tmp_path: Path) -> Callable[..., Path]:
    """Write a dataset file from columns and signals."""

    def write(
        recordings: list[tuple[RecordingInfo, npt.NDArray[Any]]],
        name: str = "bench",
        findings: list[Finding] | None = None,
        **truth: npt.NDArray[Any],
    ) -> Path:
        path = tmp_path / f"{name}.h5"
        with DatasetWriter(path, name) as writer:
            for info, signal in recordings:
                writer.add(info, signal, truth)
            if findings is not None:
                writer.tell(findings)
        return path

    return write


@pytest.fixture
def noise() -> Callable[..., npt.NDArray[np.float32]]:
    """Unit white noise, float32, of a given shape and seed."""

    def draw(*shape: int, seed: int = 0) -> npt.NDArray[np.float32]:
        return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)

    return draw
