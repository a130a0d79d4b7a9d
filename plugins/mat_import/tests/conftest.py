"""MATLAB files to test with."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import scipy.io


@pytest.fixture
def save(tmp_path: Path) -> Callable[..., Path]:
    """Write a MATLAB file into `files/`; its variables are given by name."""

    def write(name: str, variables: dict[str, Any], **options: Any) -> Path:
        path = tmp_path / "files" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        scipy.io.savemat(path, variables, **options)
        return path

    return write


@pytest.fixture(scope="session")
def cwru() -> Callable[..., dict[str, Any]]:
    """The variables of a CWRU recording."""

    def variables(number: int, *, rpm: int | None = 1797, sensors: str = "DE FE BA", n: int = 300) -> dict[str, Any]:
        rng = np.random.default_rng(number)
        held: dict[str, Any] = {
            f"X{number:03d}_{sensor}_time": rng.standard_normal((n, 1)) for sensor in sensors.split()
        }
        return held if rpm is None else held | {f"X{number:03d}RPM": rpm}

    return variables


@pytest.fixture(scope="session")
def mfpt() -> Callable[..., dict[str, Any]]:
    """The variables of an MFPT recording; fields of the struct are given by name, None leaves one out."""

    def variables(**fields: Any) -> dict[str, Any]:
        struct = {"rate": 25, "load": "270", "gs": np.arange(300.0)[:, None], "sr": 97656} | fields
        return {"bearing": {name: value for name, value in struct.items() if value is not None}, "BPFO": 81.125}

    return variables


@pytest.fixture(scope="session")
def uestc() -> Callable[..., dict[str, Any]]:
    """The variables of a UESTC recording."""

    def variables(**changed: Any) -> dict[str, Any]:
        held = {"Datacount": 300, "Linecount": 1, "SampleFrequency": 20000, "Data": np.arange(300.0)[:, None]} | changed
        return {name: value for name, value in held.items() if value is not None}

    return variables


@pytest.fixture
def v73(tmp_path: Path) -> Callable[..., Path]:
    """Write a v7.3 file, which is HDF5 behind a header; what is not an array is written by a function."""

    def write(name: str, variables: dict[str, Any], build: Callable[[Any], None] | None = None) -> Path:
        path = tmp_path / "v73" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with h5py.File(path, "w", userblock_size=512) as file:
            for variable, value in variables.items():
                file[variable] = np.asarray(value, float)
                file[variable].attrs["MATLAB_class"] = np.bytes_("double")
            if build:
                build(file)
        with path.open("r+b") as raw:
            raw.write(b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM")
        return path

    return write
