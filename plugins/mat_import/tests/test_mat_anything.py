"""Whatever lies at a place, for each option of a mapping: a recording, or a reason."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse

from pfd import DataError
from pfd_plugin_mat_import.conversion import convert_file
from pfd_plugin_mat_import.params import FileMapping

N = 300
RIG = {"fault_type": "normal", "bearing_id": "b", "sample_rate_hz": 1000.0}


def cell(*items: Any) -> Any:
    made = np.empty(len(items), object)
    made[:] = items
    return made


VALUES = {
    "scalar": 3.0,
    "vector": np.sin(np.arange(N)),
    "column": np.arange(N, dtype=np.int16)[:, None],
    "negative": -np.arange(1.0, N + 1),
    "gaps": np.where(np.arange(N) % 50, 1.0, np.nan),
    "nothing_but_gaps": np.full(N, np.nan),
    "infinite": np.full(N, np.inf),
    "huge": np.full(N, 1e308),
    "tiny": np.full(N, 5e-324) * (np.arange(N) % 2),
    "large_mean": np.arange(N) + 1e15,
    "widest": np.array([np.iinfo(np.int64).min, np.iinfo(np.int64).max] * (N // 2)),
    "pulses": (np.arange(N) % 10 < 5).astype(float),
    "true": np.arange(N) % 2 == 0,
    "complex": np.arange(N) * 1j,
    "text": "some text",
    "texts": np.array(["one", "two", "three"]),
    "empty": np.empty((0, 0)),
    "no_text": "",
    "matrix": np.random.default_rng(0).standard_normal((20, N)),
    "cube": np.zeros((3, N, 2)),
    "four_sides": np.zeros((2, 3, 4, 5)),
    "cells": cell(np.arange(4.0), "text", cell(np.arange(3.0))),
    "no_cells": np.empty(0, object),
    "struct": {"a": np.arange(9.0), "b": {"c": "deep"}},
    "structs": np.array([(1.0, "x"), (2.0, "y")], dtype=[("Data", object), ("Name", object)]),
    "sparse": scipy.sparse.csc_array(np.eye(5)),
}
OPTIONS: dict[str, dict[str, Any]] = {
    "channel": {"channels": [{"variable": "v"}]},
    "one_channel": {"channels": [{"variable": "v", "channel": 2}]},
    "several": {"channels": [{"variable": "v*", "several": True}]},
    "scale": {"channels": [{"variable": "good", "scale": "v", "offset": "v"}]},
    "large_scale": {"channels": [{"variable": "v", "scale": 1e308, "offset": 1e308}]},
    "rows": {"channels": [{"variable": "v"}], "rows": "recordings"},
    "columns": {"channels": [{"variable": "v"}], "columns": "recordings"},
    "row_channels": {"channels": [{"variable": "v"}], "rows": "channels"},
    "drop": {"channels": [{"variable": "v"}], "gaps": "drop"},
    "interpolate": {"channels": [{"variable": "v"}], "gaps": "interpolate"},
    "labels": {"channels": [{"variable": "windows"}], "rows": "recordings", "variables": {"load": "v", "rpm": "v"}},
    "element": {"channels": [{"variable": "v[Name=y].Data"}]},
    "index": {"channels": [{"variable": "v(2)"}]},
    **{f"{name}_of": {"variables": {"rpm": f"{name}(v)"}} for name in ("mean", "median", "rate")},
    "interval": {"values": {"fault_type": "ball", "bearing_id": "b"}, "variables": {"sample_interval_s": "v"}},
    **{kind: {"speed": {"variable": "v", "kind": kind}} for kind in ("rpm", "hz", "rad_s", "pulses", "pulse_times")},
    "speed_rate": {"speed": {"variable": "good", "kind": "hz", "sample_rate_hz": "v"}},
}


def reason(path: Path, mapping: FileMapping) -> str:
    """Why a file is refused; empty where it is not."""
    try:
        found = convert_file(path, mapping=mapping)
    except DataError as error:
        return error.message
    return "" if all(np.isfinite(one.signal).all() for one in found) else "it was not refused"


@pytest.mark.parametrize("option", OPTIONS)
def test_whatever_lies_at_a_place_gives_a_recording_or_a_reason(save, option: str) -> None:
    mapping = FileMapping.model_validate({"channels": [{"variable": "good"}], "values": RIG} | OPTIONS[option])
    reasons = {
        name: reason(save(f"{name}.mat", {"good": np.ones(N) * 20, "windows": np.zeros((3, 50)), "v": value}), mapping)
        for name, value in VALUES.items()
    }
    assert "it was not refused" not in reasons.values()
    assert all(len(one) < 400 for one in reasons.values())
    assert all(reasons[name] for name in ("empty", "no_cells", "complex", "struct", "sparse"))
