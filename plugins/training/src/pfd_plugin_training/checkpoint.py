"""What a run needs to go on from its last epoch: one safetensors file, with the rest as JSON in its header.

One file, renamed into place, so that weights and history can never be of different epochs.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

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


def fits(checkpoint: Checkpoint, network: nn.Module) -> bool:
    """Whether a network can go on from a checkpoint: names, shapes and numbers are such as its training leaves."""
    wanted = network.state_dict()
    shapes = {name: (tensor.dtype, tensor.shape) for name, tensor in wanted.items()}
    for weights in (checkpoint.weights, checkpoint.best):
        if {name: (tensor.dtype, tensor.shape) for name, tensor in weights.items()} != shapes or not _finite(weights):
            return False
    parameters = list(network.parameters())
    if checkpoint.optimiser.keys() != set(range(len(parameters))):
        return False
    for index, moments in checkpoint.optimiser.items():
        of = {name: tensor.shape for name, tensor in moments.items()}
        shape = parameters[index].shape
        if of != {"step": torch.Size(), "exp_avg": shape, "exp_avg_sq": shape} or not _finite(moments):
            return False
    history = checkpoint.history
    return 1 <= checkpoint.best_epoch <= len(history) and all(
        one.epoch == number and all(_is_number(value) for value in (one.train_loss, one.val_loss, one.val_accuracy))
        for number, one in enumerate(history, start=1)
    )


def _finite(weights: Weights) -> bool:
    return all(bool(torch.isfinite(tensor).all()) for tensor in weights.values() if tensor.is_floating_point())


def _is_number(value: object) -> bool:
    return value is None or (isinstance(value, float) and math.isfinite(value))


def moments_of(optimiser: torch.optim.Optimizer) -> dict[int, Weights]:
    """Copies of the optimiser's tensors, by parameter index."""
    return {index: copy_of(moments) for index, moments in optimiser.state_dict()["state"].items()}


def restore_moments(optimiser: torch.optim.Optimizer, moments: Mapping[int, Weights]) -> None:
    state = optimiser.state_dict()
    state["state"] = {index: dict(tensors) for index, tensors in moments.items()}
    optimiser.load_state_dict(state)
