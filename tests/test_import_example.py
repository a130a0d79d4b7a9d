"""The example of docs/how-to/import-recordings.md, run as it stands there."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.io import savemat

from pfd_plugin_mat_import import import_mat_dataset_task

PAGE = Path(__file__).parent.parent / "docs" / "how-to" / "import-recordings.md"


def example(number: int) -> dict[str, Any]:
    """Parameters that the page shows."""
    return tomllib.loads(re.findall(r"```toml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)[number])


def test_the_example_of_a_layout_of_ones_own_imports_what_it_says(
    pfd_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    params = example(0)
    monkeypatch.chdir(tmp_path)
    Path("rig").mkdir()
    for name in ("K04_IR_1500", "K001_H_900"):
        run = {"vibration": np.random.default_rng(0).standard_normal((2, 3000)), "load": "0.7 Nm"}
        savemat(f"rig/{name}.mat", {"run": run})
    handle = import_mat_dataset_task.delay(params)
    result = handle.get()
    assert result["classes"] == {"normal": 1, "inner_race": 1}
    assert {bearing["bearing_id"] for bearing in result["bearings"]} == {"K04", "K001"}
    table = handle.artifacts["bearings.csv"].read_text(encoding="utf-8")
    assert "motor-1 motor-2" in table
    assert "user: variable run.load" in table


def test_the_example_of_tables_imports_what_it_says(
    pfd_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("bearingset").mkdir()
    signal = np.random.default_rng(0).standard_normal((3000, 8))
    for name, delimiter in (("ball_20_0", ","), ("comb_30_2", "\t")):
        lines = [
            "Title",
            *[""] * 14,
            "Data",
            *(delimiter.join(f"{value:.6f}" for value in row) + delimiter for row in signal),
        ]
        Path(f"bearingset/{name}.csv").write_text("\n".join(lines), encoding="utf-8")
    result = import_mat_dataset_task.delay(example(1)).get()
    assert result["failures"] == []
    assert result["classes"] == {"ball": 1, "inner_race+outer_race": 1}
