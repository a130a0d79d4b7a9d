"""What a run needs to go on from its last epoch: one safetensors file, with the rest as JSON in its header.

One file, renamed into place, so that weights and history can never be of different epochs.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from pfd import DataError, replacing
from pfd_plugin_data import reading_foreign, tensor_header

Weights = dict[str, Tensor]


@dataclass(frozen=True)
class Epoch:
    """One pass over the training part.  Validation figures are None where the split has no validation part."""

    epoch: int
    train_loss: float
    val_loss: float | None
    val_accuracy: float | None


@dataclass(frozen=True)
class Checkpoint:
    """The state after an epoch.

    Parameters
    ----------
    run : digest of all that makes the run what it is; a checkpoint of another run is not used.
    history : the epochs so far.
    best_epoch : the one whose weights are in `best`.
    weights, best : copies of the network's state, and of the best one.
    optimiser : Adam's moments and step counts, by parameter index.
    """

    run: str
    history: tuple[Epoch, ...]
    best_epoch: int
    weights: Weights
    best: Weights
    optimiser: dict[int, Weights]


def copy_of(state: Mapping[str, Tensor]) -> Weights:
    """Real copies on the CPU: what `state_dict` gives are the live tensors, which the next step changes."""
    return {name: tensor.detach().to("cpu", copy=True).contiguous() for name, tensor in state.items()}


def save(path: Path, checkpoint: Checkpoint) -> None:
    tensors = {f"weights/{name}": tensor for name, tensor in checkpoint.weights.items()}
    tensors |= {f"best/{name}": tensor for name, tensor in checkpoint.best.items()}
    for index, moments in checkpoint.optimiser.items():
        tensors |= {f"optimiser/{index}/{name}": tensor for name, tensor in moments.items()}
    header = {
        "run": checkpoint.run,
        "best_epoch": checkpoint.best_epoch,
        "history": [asdict(epoch) for epoch in checkpoint.history],
    }
    with replacing(path) as temporary:
        save_file(tensors, temporary, metadata={"pfd": json.dumps(header)})


def load(path: Path, run: str) -> Checkpoint | None:
    """The checkpoint in a file; None where it is damaged or belongs to another run."""
    weights: Weights = {}
    best: Weights = {}
    optimiser: dict[int, Weights] = {}
    try:
        with reading_foreign(path, ""):
            metadata, _ = tensor_header(path)
            header: dict[str, Any] = json.loads(metadata["pfd"])
            if header["run"] != run:
                return None
            for key, tensor in load_file(path).items():
                kind, _, name = key.partition("/")
                if kind == "optimiser":
                    index, _, moment = name.partition("/")
                    optimiser.setdefault(int(index), {})[moment] = tensor
                else:
                    (weights if kind == "weights" else best)[name] = tensor
            history = tuple(Epoch(**epoch) for epoch in header["history"])
            return Checkpoint(run, history, int(header["best_epoch"]), weights, best, optimiser)
    except DataError:
        return None


def moments_of(optimiser: torch.optim.Optimizer) -> dict[int, Weights]:
    """Copies of the optimiser's tensors, by parameter index."""
    return {index: copy_of(moments) for index, moments in optimiser.state_dict()["state"].items()}


def restore_moments(optimiser: torch.optim.Optimizer, moments: Mapping[int, Weights]) -> None:
    state = optimiser.state_dict()
    state["state"] = {index: dict(tensors) for index, tensors in moments.items()}
    optimiser.load_state_dict(state)
