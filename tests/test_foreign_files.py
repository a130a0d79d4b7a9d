"""Mutated files of all formats, through readers and through tasks: each is read, or refused by name.

A bounded part; `--fuzz-files N` reads as many of each format.
"""

from __future__ import annotations

import json
import os
import random
import select
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.io
import sqlalchemy as sa
import torch

from pfd import Dispatcher, Settings, reading
from pfd_plugin_data import find_dataset
from pfd_plugin_features import find_feature_set
from pfd_plugin_training import find_experiment
from pfd_plugin_training.checkpoint import Checkpoint, copy_of, moments_of, save
from pfd_plugin_training.cnn1d import Cnn1dConfig, build
from tests.support.foreign_files import READERS, TASKS
from tests.support.mutation import mutated, mutated_end, mutated_numbers, mutated_tensors, mutated_zip

MUTATE: dict[str, Callable[[bytes, random.Random], bytes]] = {
    "dataset": mutated,
    "features": lambda whole, rng: (mutated_end if rng.random() < 0.6 else mutated)(whole, rng),
    "predictions": mutated_zip,
    "forest": mutated_zip,
    "network": mutated_tensors,
    "checkpoint": mutated_tensors,
    "matlab": mutated,
    "table": lambda whole, rng: (mutated_numbers if rng.random() < 0.3 else mutated)(whole, rng),
}
IN_CI = 60
"""Files of each format; a sixth as many through a task."""

MOST_SECONDS = 20.0
MOST_BYTES = 2**30


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home with a dataset, features, a forest and a network, whose rows keep no seals."""
    home = tmp_path_factory.mktemp("foreign")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PFD_HOME", str(home / "pfd"))
        patch.setenv("PFD_RUNTIME", "eager")
        patch.chdir(home)
        for task, params in (
            ("generate_dataset_task", {"num_signals_per_fault": 4, "bearings_per_fault": 4, "duration_s": 0.3}),
            ("extract_features_task", {"dataset": 1, "window": 1024, "domains": ["time"]}),
            ("train_model_task", {"model": "random_forest", "feature_set": 1, "n_estimators": 5}),
            ("train_model_task", {"model": "cnn1d", "dataset": 1, "epochs": 1, "window": 1024}),
        ):
            Dispatcher().submit(task, params).get()
        with Dispatcher().store.write() as connection:
            connection.execute(sa.text("UPDATE training_experiment SET model_seal = NULL, predictions_seal = NULL"))
            connection.execute(sa.text("UPDATE features_feature_set SET seal = NULL"))
            connection.execute(sa.text("UPDATE data_dataset SET seal = NULL"))
        yield home


@pytest.fixture(scope="module")
def originals(home: Path) -> dict[str, list[tuple[str, bytes]]]:
    """Good files of each format, with their names."""
    with reading(Settings(home=home / "pfd")) as session:
        forest, network = (find_experiment(session, number, home=home / "pfd") for number in (1, 2))
        paths = {
            "dataset": find_dataset(session, 1, home=home / "pfd").path,
            "features": find_feature_set(session, 1, home=home / "pfd").path,
            "predictions": forest.predictions_path,
            "forest": forest.model_path,
            "network": network.model_path,
        }
    trained = build(Cnn1dConfig(3), seed=0)
    optimiser = torch.optim.Adam(trained.parameters())
    trained(torch.zeros(2, 1, 512)).sum().backward()
    optimiser.step()
    weights, best = copy_of(trained.state_dict()), copy_of(trained.state_dict())
    kept = Checkpoint("run", (), 0, weights, best, moments_of(optimiser))
    save(home / "checkpoint.safetensors", kept)
    (home / "table.csv").write_text(
        "file,rpm,fault_type,bearing_id\n105.mat,1797,ball,b1\n106.mat,1750,normal,b2\n", encoding="utf-8"
    )
    rng = np.random.default_rng(0)
    signals = {f"X105_{sensor}_time": rng.standard_normal((300, 1)) for sensor in ("DE", "FE")} | {"X105RPM": 1797}
    scipy.io.savemat(home / "105.mat", signals)
    scipy.io.savemat(home / "106.mat", signals, do_compression=True)
    found = {kind: [(path.name, path.read_bytes())] for kind, path in paths.items()}
    for kind, name in (
        ("checkpoint", "checkpoint.safetensors"),
        ("table", "table.csv"),
        ("matlab", "105.mat"),
        ("matlab", "106.mat"),
    ):
        found.setdefault(kind, []).append((name, (home / name).read_bytes()))
    return found


class Program:
    """Reads files in a process of its own, which is replaced where one ends it."""

    def __init__(self, home: Path) -> None:
        self._environment = os.environ | {"PFD_HOME": str(home / "pfd"), "PFD_RUNTIME": "eager", "PFD_ROOTS": "/"}
        self._process: subprocess.Popen[str] | None = None

    def ask(self, **request: Any) -> dict[str, Any]:
        """What became of a file; `ended` says so where it hung or crashed the process."""
        if self._process is None:
            command = [sys.executable, "-m", "tests.support.foreign_files"]
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                cwd=Path(__file__).parent.parent,
                env=self._environment,
            )
            self._patience = 120.0  # the first one imports what it needs
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(request) + "\n")
        process.stdin.flush()
        ready, _, _ = select.select([process.stdout], [], [], self._patience)
        self._patience = MOST_SECONDS * 3
        line = process.stdout.readline() if ready else ""
        if not line:
            self.close()
            return {"ended": f"crash: exit status {process.returncode}" if ready else "hang", "seconds": 0, "bytes": 0}
        found: dict[str, Any] = json.loads(line)
        return found

    def close(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None


@pytest.fixture(scope="module")
def program(home: Path) -> Iterator[Program]:
    program = Program(home)
    yield program
    program.close()


def fuzz(
    program: Program,
    originals: list[tuple[str, bytes]],
    kind: str,
    by: str,
    count: int,
) -> tuple[Counter[str], list[str]]:
    """How many files ended how, and what of it must not be."""
    rng = random.Random(f"{kind} {by}")
    ends: Counter[str] = Counter()
    wrong: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        for number in range(count):
            name, whole = originals[number % len(originals)]
            path = Path(folder) / name
            path.write_bytes(MUTATE[kind](whole, rng))
            found = program.ask(kind=kind, by=by, path=str(path))
            ends[found["ended"].partition(":")[0]] += 1
            if (
                found["ended"] not in ("good", "refused")
                or found["seconds"] > MOST_SECONDS
                or found["bytes"] > MOST_BYTES
            ):
                wrong.append(f"{number}: {found}")
    return ends, wrong


@pytest.mark.slow("sixty files of each format")
@pytest.mark.parametrize("kind", sorted(READERS))
def test_no_mutated_file_ends_hangs_or_fills_its_reader(
    program: Program,
    originals: dict[str, list[tuple[str, bytes]]],
    kind: str,
    pytestconfig: pytest.Config,
    note: Callable[[str], None],
) -> None:
    # MATLAB files are mutated by the thousand in the tests of their plugin, where one process reads them all.
    count = pytestconfig.getoption("fuzz_files") or (IN_CI // 4 if kind == "matlab" else IN_CI)
    ends, wrong = fuzz(program, originals[kind], kind, "reader", count)
    note(f"mutated files of kind {kind}, read: {dict(ends)}")
    assert not wrong, "\n".join(wrong[:20])
    assert ends["refused"]


@pytest.mark.slow("ten jobs of each format")
@pytest.mark.parametrize("kind", TASKS)
def test_no_mutated_file_ends_hangs_or_fills_a_task_or_leaves_a_row(
    program: Program,
    originals: dict[str, list[tuple[str, bytes]]],
    kind: str,
    pytestconfig: pytest.Config,
    note: Callable[[str], None],
) -> None:
    count = (pytestconfig.getoption("fuzz_files") or IN_CI) // 6
    ends, wrong = fuzz(program, originals[kind], kind, "task", count)
    note(f"mutated files of kind {kind}, through a task: {dict(ends)}")
    assert not wrong, "\n".join(wrong[:20])
