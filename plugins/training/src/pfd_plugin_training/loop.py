"""The training loop of networks."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from pfd import DataError, Hint
from pfd_plugin_training.checkpoint import Checkpoint, Epoch, Weights, copy_of, moments_of, restore_moments
from pfd_plugin_training.seeds import Stream, generator
from pfd_plugin_training.torch_windows import WindowDataset

EVALUATION_BATCH = 256


@dataclass(frozen=True)
class FitOptions:
    """How to train.  `seed` fixes the order of windows in each epoch; `run` is noted in checkpoints."""

    epochs: int
    batch_size: int
    learning_rate: float
    seed: int
    device: str = "cpu"
    run: str = ""


@dataclass(frozen=True)
class Fitted:
    """What training gave: the history, and the epoch whose weights the network now has."""

    history: tuple[Epoch, ...]
    best_epoch: int


@contextmanager
def cpu_threads(count: int) -> Iterator[None]:
    """Let torch use so many threads, and give the caller's number back."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _ignore(*_: object) -> None:
    """For callers that need not be told."""


def fit(
    model: nn.Module,
    train: WindowDataset,
    validation: WindowDataset | None,
    options: FitOptions,
    *,
    resume: Checkpoint | None = None,
    on_batch: Callable[[int, float], None] = _ignore,
    on_epoch: Callable[[Checkpoint], None] = _ignore,
) -> Fitted:
    """Train a network in place.

    Cross-entropy weighted so that each class counts the same, Adam, windows in a new order each epoch.  The epoch with
    the least validation loss is kept; without a validation part, the last.

    Parameters
    ----------
    resume : go on after this state; the end is then that of an unbroken run.
    on_batch : called before each batch with the epoch, from 1, and the share of it that is done.
    on_epoch : called after each epoch with the state to go on from.

    Raises
    ------
    DataError : the loss became infinite or no number.
    """
    model.to(options.device)
    weights = class_weights(train.index.y, _n_classes(model)).to(options.device)
    optimiser = torch.optim.Adam(model.parameters(), lr=options.learning_rate)
    history: tuple[Epoch, ...] = ()
    best: Weights = {}
    best_epoch = 0
    if resume is not None:
        model.load_state_dict(resume.weights)
        restore_moments(optimiser, resume.optimiser)
        history, best, best_epoch = resume.history, resume.best, resume.best_epoch
    for number in range(len(history) + 1, options.epochs + 1):
        train_loss = _train_epoch(model, train, weights, optimiser, options, number, on_batch)
        if not math.isfinite(train_loss):
            raise DataError(
                f"training diverged in epoch {number}: its loss is {train_loss}",
                hint=f"choose a smaller one, such as {Hint.parameter('learning_rate', options.learning_rate / 10)}",
            )
        if validation is None:
            epoch = Epoch(number, train_loss, None, None)
        else:
            probabilities = predict(model, validation, options.device, partial(on_batch, number, 1.0))
            loss = weighted_loss(probabilities, validation.index.y, weights.cpu().numpy())
            accuracy = float(np.mean(probabilities.argmax(axis=1) == validation.index.y))
            epoch = Epoch(number, train_loss, loss, accuracy)
        history = (*history, epoch)
        if _better(epoch, history[best_epoch - 1] if best_epoch else None):
            best, best_epoch = copy_of(model.state_dict()), number
        on_epoch(Checkpoint(options.run, history, best_epoch, copy_of(model.state_dict()), best, moments_of(optimiser)))
    model.load_state_dict(best)
    return Fitted(history, best_epoch)


def class_weights(y: npt.NDArray[np.int64], n_classes: int) -> Tensor:
    """n / (k · n of the class): the weights that make each class count the same, 0 for a class without windows."""
    counts = np.bincount(y, minlength=n_classes)
    weights = np.divide(len(y), n_classes * counts, out=np.zeros(n_classes), where=counts > 0)
    return torch.tensor(weights, dtype=torch.float32)


def weighted_loss(p: npt.NDArray[np.float32], y: npt.NDArray[np.int64], weights: npt.NDArray[np.float32]) -> float:
    """Cross-entropy of probabilities `(n, k)`, each window weighted by its class."""
    own = np.maximum(p[np.arange(len(y)), y].astype(np.float64), np.finfo(np.float32).tiny)
    return float(np.sum(-np.log(own) * weights[y]) / np.sum(weights[y]))


@torch.inference_mode()
def predict(
    model: nn.Module, windows: WindowDataset, device: str = "cpu", on_batch: Callable[[], None] = _ignore
) -> npt.NDArray[np.float32]:
    """Probabilities `(n, k)` of all windows, in order."""
    model.eval()
    parts = []
    for first in range(0, len(windows), EVALUATION_BATCH):
        on_batch()
        x, _ = windows.batch(range(first, min(first + EVALUATION_BATCH, len(windows))))
        parts.append(torch.softmax(model(x.to(device)), dim=1).cpu().numpy())
    return np.concatenate(parts)


def _train_epoch(
    model: nn.Module,
    train: WindowDataset,
    weights: Tensor,
    optimiser: torch.optim.Optimizer,
    options: FitOptions,
    number: int,
    on_batch: Callable[[int, float], None],
) -> float:
    model.train()
    loss_of = nn.CrossEntropyLoss(weight=weights, reduction="sum")
    order = generator(options.seed, Stream.ORDER, number).permutation(len(train))
    total = torch.zeros((), dtype=torch.float64, device=options.device)
    weight = torch.zeros_like(total)
    for first in range(0, len(order), options.batch_size):
        on_batch(number, first / len(order))
        x, y = (tensor.to(options.device) for tensor in train.batch(order[first : first + options.batch_size]))
        share = weights[y].sum()
        loss = loss_of(model(x), y)
        optimiser.zero_grad()
        (loss / share).backward()
        optimiser.step()
        total += loss.detach()
        weight += share
    return float(total / weight)


def _better(epoch: Epoch, best: Epoch | None) -> bool:
    """Whether an epoch's validation loss is the least so far; without a validation part, the last one always is."""
    if best is None or best.val_loss is None or epoch.val_loss is None:
        return True
    return epoch.val_loss < best.val_loss


def _n_classes(model: nn.Module) -> int:
    head = model.get_submodule("head")
    assert isinstance(head, nn.Linear)
    return head.out_features
