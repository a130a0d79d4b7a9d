"""A training job whose process is killed, under a real worker."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from pfd import Dispatcher, JobCancelled, JobHandle, Worker

DATA = {"name": "bench", "num_signals_per_fault": 6, "bearings_per_fault": 6, "duration_s": 1.0}
CNN = {"model": "cnn1d", "dataset": "bench", "window": 1024, "batch_size": 16}


@pytest.fixture
def dispatcher(pfd_home: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("PFD_RUNTIME", "local")
    with Dispatcher() as dispatcher, Worker(slots=1):
        dispatcher.submit("generate_dataset_task", DATA).get(timeout=120)
        yield dispatcher


def wait_for_epoch(handle: JobHandle, epoch: int) -> None:
    until = time.monotonic() + 120
    while handle.info.get("epoch", 0) < epoch:
        assert not handle.ready(), handle.job.failure
        assert time.monotonic() < until
        time.sleep(0.02)


@pytest.mark.slow
def test_a_killed_training_goes_on_from_its_last_epoch_and_ends_with_the_same_weights(dispatcher: Dispatcher) -> None:
    params = {**CNN, "epochs": 25}
    unbroken = dispatcher.submit("train_model_task", params)
    expected = unbroken.get(timeout=240)
    broken = dispatcher.submit("train_model_task", params)
    wait_for_epoch(broken, 4)
    # A job's process is the youngest descendant: the warm servers were there before it.
    max(psutil.Process().children(recursive=True), key=lambda process: process.create_time()).kill()
    found = broken.get(timeout=240)
    assert broken.job.lost == 1
    assert "of an earlier run" in dispatcher.log_path(broken.id).read_text(encoding="utf-8")
    # Cautions name the experiment.
    for one in (found, expected):
        number = one.pop("experiment_id")
        one["cautions"] = [text.replace(f"(experiment {number})", "") for text in one["cautions"]]
    assert found == expected
    files = [handle.artifacts["model.safetensors"].read_bytes() for handle in (unbroken, broken)]
    assert files[0] == files[1]


@pytest.mark.slow
def test_a_training_that_is_cancelled_stops_within_an_epoch(dispatcher: Dispatcher) -> None:
    handle = dispatcher.submit("train_model_task", {**CNN, "epochs": 10_000})
    wait_for_epoch(handle, 2)
    handle.revoke()
    with pytest.raises(JobCancelled):
        handle.get(timeout=60)
