from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pfd import DataError
from pfd_plugin_data.params import GenerateDatasetParams
from pfd_plugin_data.room import require_room

SMALL = {"num_signals_per_fault": 3, "duration_s": 0.2}


def submitted(pfd_home: Path, **variables: str) -> tuple[int, Any]:
    """Generate a small dataset by the command line; its exit code, and the job."""
    words = [f"{name}={json.dumps(value)}" for name, value in SMALL.items()]
    done = subprocess.run(
        [str(Path(sys.executable).with_name("pfd")), "submit", "generate_dataset_task", *words, "--wait", "--json"],
        capture_output=True,
        text=True,
        env=os.environ | {"PFD_HOME": str(pfd_home), "PFD_PLUGINS": "data"} | variables,
        check=False,
    )
    return done.returncode, json.loads(done.stdout)


def test_a_dataset_that_would_not_leave_what_the_setting_says_is_refused_before_it_is_made(pfd_home: Path) -> None:
    code, job = submitted(pfd_home, PFD_DATA_KEEP_FREE_BYTES=str(10**18))
    assert code == 1
    assert job["failure"]["type"] == "DataError"
    assert "9.31e+08 GiB are to stay free" in job["failure"]["message"]
    assert "PFD_DATA_KEEP_FREE_BYTES" in job["failure"]["hint"]


def test_a_dataset_that_has_room_is_made(pfd_home: Path) -> None:
    code, job = submitted(pfd_home, PFD_DATA_KEEP_FREE_BYTES="1000")
    assert (code, job["result"]["n_recordings"]) == (0, 12)


def test_what_does_not_fit_at_all_is_refused_without_any_setting(tmp_path: Path, monkeypatch: Any) -> None:
    params = GenerateDatasetParams(num_signals_per_fault=10, duration_s=1.0, sample_rate_hz=10_000)
    assert params.n_samples == 10 * 10_000 * len(params.fault_types)
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": 4 * params.n_samples - 1}))
    with pytest.raises(DataError, match="the dataset takes"):
        require_room(tmp_path, params, 0)
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": 4 * params.n_samples}))
    require_room(tmp_path, params, 0)
