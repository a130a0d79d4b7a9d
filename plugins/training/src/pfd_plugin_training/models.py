"""Trained models: files, and what is loaded from them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from pfd import DataError, replacing
from pfd_plugin_training.checkpoint import copy_of
from pfd_plugin_training.cnn1d import Cnn1d, Cnn1dConfig
from pfd_plugin_training.forest import load_forest
from pfd_plugin_training.loop import EVALUATION_BATCH
from pfd_plugin_training.windows import normalise

if TYPE_CHECKING:
    from sklearn.ensemble import RandomForestClassifier

    from pfd_plugin_training.store import ExperimentEntry

_HINT = "train the model again"


class TrainedModel(Protocol):
    """A model ready to use.  `classes` are the names of the columns of what `predict_proba` gives."""

    @property
    def classes(self) -> tuple[str, ...]: ...

    def predict_proba(self, x: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        """Probabilities `(n, k)`: of windows `(n, window)` for a network, of features `(n, f)` for a forest."""
        ...


@dataclass(frozen=True)
class ForestModel:
    """A forest, and the names of the features that its columns are, in order."""

    forest: RandomForestClassifier
    classes: tuple[str, ...]
    features: tuple[str, ...]

    def predict_proba(self, x: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        if x.ndim != 2 or x.shape[1] != len(self.features):
            raise DataError(f"features have shape {x.shape}, expected (n, {len(self.features)})")
        return np.asarray(self.forest.predict_proba(x), dtype=np.float32)


@dataclass(frozen=True)
class NetworkModel:
    """A network for windows at `sample_rate_hz`."""

    network: Cnn1d
    classes: tuple[str, ...]
    window: int
    sample_rate_hz: float

    @torch.inference_mode()
    def predict_proba(self, x: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        if x.ndim != 2 or x.shape[1] != self.window:
            raise DataError(f"windows have shape {x.shape}, expected (n, {self.window})")
        self.network.eval()
        parts = [np.empty((0, len(self.classes)), dtype=np.float32)]
        for first in range(0, len(x), EVALUATION_BATCH):
            batch = normalise(np.asarray(x[first : first + EVALUATION_BATCH], dtype=np.float32))
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
    try:
        with safe_open(path, framework="pt") as file:
            config = Cnn1dConfig.from_json(json.loads((file.metadata() or {})["architecture"]))
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
        network = Cnn1d(config)
        network.load_state_dict(weights)
    except (SafetensorError, OSError, KeyError, ValueError, TypeError, RuntimeError) as error:
        raise DataError(f"{path} cannot be read: {str(error).splitlines()[0]}", hint=_HINT) from error
    return network.eval()


def load_model(entry: ExperimentEntry) -> TrainedModel:
    """The model of an experiment.

    Raises
    ------
    DataError : its file is missing or damaged, or its kind is unknown to this version.
    """
    if entry.model == "random_forest":
        return ForestModel(load_forest(entry.model_path), entry.classes, tuple(entry.config["features"]))
    if entry.model == "cnn1d":
        network = load_network(entry.model_path)
        return NetworkModel(network, entry.classes, entry.config["window"], entry.config["sample_rate_hz"])
    raise DataError(f"experiment {entry.id} is a {entry.model!r}, unknown here", hint="update pfd-plugin-training")
