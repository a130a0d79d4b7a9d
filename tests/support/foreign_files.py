"""Reads mutated files, as a program of its own: one that hangs or crashes costs a process, and is known by its absence.

    python -m tests.support.foreign_files < requests > replies

A request is a line of JSON, `{"kind": …, "path": …}`; a reply says how it ended, what it took in seconds, and how many
bytes of memory more than before.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pfd import DataError, Dispatcher, JobFailed, PfdError, reading


def _dataset(path: Path) -> None:
    from pfd_plugin_data import open_dataset

    with open_dataset(path) as dataset:
        for index in range(len(dataset.recordings)):
            float(dataset.read(index).sum(dtype="f8"))
            dataset.truth(index)
            dataset.speed(index)
        dataset.verify()


def _features(path: Path) -> None:
    from pfd_plugin_features.table import read_table, write_columns

    table = read_table(path)
    write_columns(path, path.with_suffix(".copy"), list(table.names)[:2], {})


def _predictions(path: Path) -> None:
    from pfd_plugin_training.predictions import read_part

    for part in ("train", "validation", "test"):
        read_part(path, part)


def _forest(path: Path) -> None:
    import numpy as np

    from pfd_plugin_training.models import load_forest_model

    forest = load_forest_model(path).forest
    rng = np.random.default_rng(0)
    assert np.isfinite(forest.predict_proba(rng.standard_normal((50, forest.n_features_in_)) * 1e3)).all()


def _network(path: Path) -> None:
    import numpy as np

    from pfd_plugin_training.models import NetworkModel, load_network

    network = load_network(path)
    classes = tuple(map(str, range(network.config.n_classes)))
    NetworkModel(network, classes, 2048, 12_000.0).predict_proba(np.random.default_rng(0).standard_normal((2, 2048)))


def _checkpoint(path: Path) -> None:
    from pfd_plugin_training.checkpoint import load

    if load(path, "run") is None:
        raise DataError(f"{path} is not a checkpoint of that run", hint="training begins anew")


def _matlab(path: Path) -> None:
    from pfd_plugin_mat_import.importing import import_files
    from pfd_plugin_mat_import.reader import Reader
    from pfd_plugin_mat_import.sources import find_files

    with Reader() as reader:
        for outcome in import_files(find_files(path, reader), reader):
            if outcome.imported is None:
                raise DataError(outcome.reason, hint="as the reason says")


def _table(path: Path) -> None:
    from pfd_plugin_mat_import.table import read_table

    read_table(path)


READERS: dict[str, Callable[[Path], None]] = {
    "dataset": _dataset,
    "features": _features,
    "predictions": _predictions,
    "forest": _forest,
    "network": _network,
    "checkpoint": _checkpoint,
    "matlab": _matlab,
    "table": _table,
}


def _submit(task: str, **params: Any) -> None:
    Dispatcher().submit(task, params).get()


def _in_place(path: Path, target: Callable[[Any], Path], use: Callable[[], None]) -> None:
    """Use a file through a task, in the place of the one that a row names without a seal; it may fill no row."""
    with reading() as session:
        place = target(session)
    kept = place.with_name("kept")
    place.rename(kept)
    before = _rows()
    try:
        shutil.copyfile(path, place)
        use()
    except JobFailed:
        assert _rows() == before, "a failed task has filled a row"
        raise
    finally:
        kept.replace(place)


def _rows() -> dict[str, int]:
    from sqlalchemy import text

    tables = {"data_dataset": "id", "features_feature_set": "id", "training_experiment": "written_by"}
    with reading() as session:
        found = {name: session.scalar(text(f"SELECT count({filled}) FROM {name}")) for name, filled in tables.items()}
    return {name: count or 0 for name, count in found.items()}


def _task_of(kind: str) -> Callable[[Path], None]:
    from pfd_plugin_data import find_dataset
    from pfd_plugin_features import find_feature_set
    from pfd_plugin_training import find_experiment, load_model

    def model(number: int) -> Callable[[], None]:
        def use() -> None:
            with reading() as session:
                load_model(find_experiment(session, number))

        return use

    uses: dict[str, tuple[Callable[[Any], Path], Callable[[], None]]] = {
        "dataset": (
            lambda session: find_dataset(session, 1).path,
            lambda: _submit("extract_features_task", dataset=1, window=1024, domains=["time"], reuse=False),
        ),
        "features": (
            lambda session: find_feature_set(session, 1).path,
            lambda: _submit("train_model_task", model="random_forest", feature_set=1, n_estimators=2),
        ),
        "predictions": (
            lambda session: find_experiment(session, 1).predictions_path,
            lambda: _submit("generate_roc_analysis_task", experiments=[1], n_bootstrap=0),
        ),
        "forest": (lambda session: find_experiment(session, 1).model_path, model(1)),
        "network": (lambda session: find_experiment(session, 2).model_path, model(2)),
    }
    if kind == "matlab":
        return lambda path: _submit("import_mat_dataset_task", source=str(path), name="mutated")
    target, use = uses[kind]
    return lambda path: _in_place(path, target, use)


TASKS = ("dataset", "features", "predictions", "forest", "network", "matlab")


def _memory() -> tuple[int, int]:
    """Bytes in memory now, and the most there have been since that was last forgotten."""
    found = {}
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        name, _, value = line.partition(":")
        if name in ("VmRSS", "VmHWM"):
            found[name] = int(value.split()[0]) * 1024
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    return found["VmRSS"], found["VmHWM"]


def main() -> None:
    """Serve requests until there are no more."""
    warnings.simplefilter("ignore")
    tasks: dict[str, Callable[[Path], None]] = {}
    for line in sys.stdin:
        request = json.loads(line)
        kind, path = request["kind"], Path(request["path"])
        if request["by"] == "task" and kind not in tasks:
            tasks[kind] = _task_of(kind)
        use = (READERS if request["by"] == "reader" else tasks)[kind]
        before, _ = _memory()
        began = time.monotonic()
        try:
            use(path)
            ended = "good"
        except DataError as error:
            ended = "refused" if str(path.name) in str(error) or kind == "matlab" else f"does not name it: {error}"
            if not error.hint:
                ended = f"says not what to do: {error}"
        except JobFailed as error:
            ended = "refused" if str(error).startswith(("DataError", "ParameterError")) else f"raw: {error}"
        except PfdError as error:
            ended = f"another error: {type(error).__name__}: {error}"
        except Exception as error:
            ended = f"raw: {type(error).__name__}: {error}"
        seconds = time.monotonic() - began
        _, most = _memory()
        reply = {"ended": ended, "seconds": seconds, "bytes": most - before}
        print(json.dumps(reply), flush=True)
    os._exit(0)


if __name__ == "__main__":
    main()
