"""Trained models: files, and what is loaded from them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt
import torch
from safetensors.torch import load_file, save_file

from pfd import DataError, replacing
from pfd_plugin_data import StoredTensor, reading_foreign, tensor_header, znorm
from pfd_plugin_training.checkpoint import copy_of
from pfd_plugin_training.cnn1d import Cnn1d, Cnn1dConfig
from pfd_plugin_training.columns import by_name
from pfd_plugin_training.forest_file import ForestNames, load_forest, read_names
from pfd_plugin_training.loop import EVALUATION_BATCH

if TYPE_CHECKING:
    from sklearn.ensemble import RandomForestClassifier

    from pfd_plugin_training.store import ExperimentEntry

_HINT = "restore it from a backup, or train the model again"
_KINDS = {torch.float32: "F32", torch.int64: "I64"}


class TrainedModel(Protocol):
    """A model ready to use.  `classes` are the names of the columns of what `predict_proba` gives."""

    @property
    def classes(self) -> tuple[str, ...]: ...

    def predict_proba(self, x: Any, *, names: Sequence[str] | None = None) -> npt.NDArray[np.float32]:
        """Probabilities `(n, k)`: of windows `(n, window)` for a network, of a table of n rows for a forest.

        A table names its columns, and may hold them in any order and others beside them: a `FeatureTable`, a mapping of
        names to columns `(n,)`, a data frame, a structured array; or an array `(n, f)` with `names` of its columns.

        Raises
        ------
        DataError : windows of another length; a table without names, with one twice, or that lacks columns, all of
            which are told.
        """
        ...


@dataclass(frozen=True)
class ForestModel:
    """A forest, and the names of the features that its columns are, in order."""

    forest: RandomForestClassifier
    classes: tuple[str, ...]
    features: tuple[str, ...]

    def predict_proba(self, x: Any, *, names: Sequence[str] | None = None) -> npt.NDArray[np.float32]:
        columns = by_name(x, self.features, names)
        if not len(columns):  # which scikit-learn refuses
            return np.empty((0, len(self.classes)), dtype=np.float32)
        return np.asarray(self.forest.predict_proba(columns), dtype=np.float32)


@dataclass(frozen=True)
class NetworkModel:
    """A network for windows at `sample_rate_hz`."""

    network: Cnn1d
    classes: tuple[str, ...]
    window: int
    sample_rate_hz: float

    @torch.inference_mode()
    def predict_proba(self, x: Any, *, names: Sequence[str] | None = None) -> npt.NDArray[np.float32]:
        if names is not None:
            raise DataError("a network takes windows, whose samples have no names", hint="leave names away")
        if x.ndim != 2 or x.shape[1] != self.window:
            raise DataError(f"windows have shape {x.shape}, expected (n, {self.window})")
        self.network.eval()
        parts = [np.empty((0, len(self.classes)), dtype=np.float32)]
        for first in range(0, len(x), EVALUATION_BATCH):
            batch = znorm(np.asarray(x[first : first + EVALUATION_BATCH], dtype=np.float32))
            parts.append(torch.softmax(self.network(torch.from_numpy(batch[:, None, :])), dim=1).numpy())
        return np.concatenate(parts)


def save_network(path: Path, network: Cnn1d) -> None:
    """Write weights, with the architecture in the header, so that the file can be used by itself."""
    with replacing(path) as temporary:
        save_file(
            copy_of(network.state_dict()), temporary, metadata={"architecture": json.dumps(network.config.to_json())}
        )


def load_network(path: Path) -> Cnn1d:
    """Build the network that a file describes and load its weights.

    Raises
    ------
    DataError : the file is missing or damaged, or its weights do not fit its architecture.
    """
    with reading_foreign(path, _HINT):
        metadata, tensors = tensor_header(path)
        config = Cnn1dConfig.from_json(json.loads(metadata["architecture"]))
        with torch.device("meta"):  # no memory: an architecture of two hundred bytes may describe gigabytes
            network = Cnn1d(config)
        _require_fitting(tensors, network.state_dict())
        weights = load_file(path)
        if not all(bool(torch.isfinite(weight).all()) for weight in weights.values() if weight.is_floating_point()):
            raise DataError("it holds weights that are not numbers")
        network.load_state_dict(weights, assign=True)
    return network.eval()


def _require_fitting(tensors: Mapping[str, StoredTensor], wanted: Mapping[str, torch.Tensor]) -> None:
    shapes = {name: (_KINDS[tensor.dtype], tuple(tensor.shape)) for name, tensor in wanted.items()}
    if different := {name: (one.kind, one.shape) for name, one in tensors.items()}.items() ^ shapes.items():
        name = min(name for name, _ in different)
        found = tensors.get(name, "nothing")
        raise DataError(
            f"its architecture asks for {shapes.get(name, 'nothing')} as {name[:100]!r}, and it holds {found}"
        )


def load_forest_model(path: Path, otherwise: ForestNames | None = None) -> ForestModel:
    """The forest in a file, with the names of its columns and classes; `otherwise` are those of a file that says none.

    Raises
    ------
    DataError : the file is missing or damaged, says no names and none are given, or other ones than its forest has.
    """
    forest = load_forest(path)
    names = read_names(path) or otherwise
    if names is None:
        raise DataError(f"{path} does not say the names of its columns", hint="load it by its experiment: load_model")
    sides = (forest.n_features_in_, forest.n_classes_)
    if (len(names.features), len(names.classes)) != sides:
        raise DataError(
            f"{path} cannot be read: a forest of {sides[0]} features and {sides[1]} classes has names of "
            f"{len(names.features)} and {len(names.classes)}",
            hint=_HINT,
        )
    return ForestModel(forest, names.classes, names.features)


def load_model(entry: ExperimentEntry) -> TrainedModel:
    """The model of an experiment.

    Raises
    ------
    DataError : its file is missing or damaged, or its kind is unknown to this version.
    """
    if entry.model == "random_forest":
        names = ForestNames(tuple(entry.config["features"]), entry.classes)
        model = load_forest_model(entry.model_file.intact(), names)
        if (model.features, model.classes) != (names.features, names.classes):
            raise DataError(
                f"the model's file is of other columns or classes than experiment {entry.id} says", hint=_HINT
            )
        return model
    if entry.model == "cnn1d":
        network = load_network(entry.model_file.intact())
        return NetworkModel(network, entry.classes, entry.config["window"], entry.config["sample_rate_hz"])
    raise DataError(f"experiment {entry.id} is a {entry.model!r}, unknown here", hint="update pfd-plugin-training")
