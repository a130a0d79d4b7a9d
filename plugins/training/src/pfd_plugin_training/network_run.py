"""Training a network on raw windows."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import torch

from pfd import Hint, ParameterError, TaskContext
from pfd_plugin_data import Conditioning, Dataset, Split
from pfd_plugin_training import checkpoint as checkpoints
from pfd_plugin_training.checkpoint import Checkpoint
from pfd_plugin_training.cnn1d import Cnn1d, Cnn1dConfig, build
from pfd_plugin_training.loop import FitOptions, cpu_threads, fit, predict
from pfd_plugin_training.models import save_network
from pfd_plugin_training.outcome import Outcome
from pfd_plugin_training.params import TrainModelParams
from pfd_plugin_training.parts import classes_of, part_of_windows, recordings_of
from pfd_plugin_training.predictions import PARTS, Predictions
from pfd_plugin_training.seeds import Stream, integer
from pfd_plugin_training.signals import Signal, open_signals, starts
from pfd_plugin_training.torch_windows import WindowDataset, WindowIndex

CHECKPOINT = "checkpoint.safetensors"


def run_network(params: TrainModelParams, dataset: Dataset, split: Split, ctx: TaskContext) -> Outcome:
    """Train on the training part, choose the epoch on the validation part, then read the test part, once."""
    if params.device == "cuda" and not torch.cuda.is_available():
        raise ParameterError(
            "device='cuda': torch sees no CUDA device here",
            hint=f"use {Hint.parameter('device', 'cpu')}; "
            "'pfd doctor --deep' shows which torch is installed and what it sees",
        )
    recordings = dataset.recordings
    conditioning = Conditioning.of(recordings, params.channel, params.sample_rate_hz, params.lowpass_hz)
    band = conditioning.words(recordings)
    if band:
        ctx.log.info("recordings were %s", band)
    hop = params.hop or params.window
    classes = classes_of(
        split,
        recordings,
        [
            index
            for index, info in enumerate(recordings)
            if info.n_samples * conditioning.sample_rate_hz / info.sample_rate_hz >= params.window
        ],
    )
    config = {
        "architecture": Cnn1dConfig(len(classes)).to_json(),
        "preprocessing": "each window about its mean, over its standard deviation",
        "window": params.window,
        "hop": hop,
        **asdict(conditioning),
        "band": band,
        "epochs": params.epochs,
        "batch_size": params.batch_size,
        "learning_rate": params.learning_rate,
        "device": params.device,
        "threads": params.threads,
        "versions": {"torch": torch.__version__, "numpy": np.__version__},
    }
    digest = _digest(config, dataset, split, params.random_seed)
    cut = _Cutter(dataset, split, classes, conditioning, params.window, hop, ctx)
    ctx.progress(0.0, "Reading windows")
    seen = cut.windows(("train", "validation"))
    with cpu_threads(params.threads), _Deterministic(params.device):
        network = build(Cnn1dConfig(len(classes)), integer(params.random_seed, Stream.WEIGHTS))
        options = FitOptions(
            params.epochs, params.batch_size, params.learning_rate, params.random_seed, params.device, digest
        )
        report = _Reporter(params.epochs, ctx)
        resume = _earlier(ctx, digest, network)
        if resume is not None:
            report.history = resume.history
        fitted = fit(
            network,
            seen["train"],
            seen.get("validation"),
            options,
            resume=resume,
            on_batch=report.batch,
            on_epoch=report.epoch,
        )
        path = ctx.artifact("model.safetensors")
        save_network(path, network)
        ctx.progress(0.92, "Predicting the test part")
        parts = {}
        for name, windows in (seen | cut.windows(("test",))).items():
            index = windows.index
            bearings = np.array([recordings[i].bearing_id for i in index.record], dtype=np.str_)
            probabilities = predict(network, windows, params.device, ctx.check_cancelled)
            parts[name] = Predictions(classes, index.record, index.start, bearings, index.y, probabilities)
    ctx.artifact(CHECKPOINT).unlink(missing_ok=True)
    if "validation" in seen:
        selection = f"epoch {fitted.best_epoch} of {params.epochs} chosen by validation loss"
    else:
        selection = f"last of {params.epochs} epochs kept"
    return Outcome(classes, parts, path, config, selection, band, fitted.best_epoch, fitted.history)


class _Cutter:
    """Windows of parts of a split, read as they are asked for."""

    def __init__(
        self,
        dataset: Dataset,
        split: Split,
        classes: Sequence[str],
        conditioning: Conditioning,
        window: int,
        hop: int,
        ctx: TaskContext,
    ) -> None:
        self.dataset, self.split, self.classes = dataset, split, classes
        self.conditioning, self.window, self.hop, self.ctx = conditioning, window, hop, ctx

    def windows(self, parts: Sequence[str]) -> dict[str, WindowDataset]:
        """The windows of each part that has any."""
        records = sorted({record for part in parts for record in recordings_of(self.split, part)})
        signals: Mapping[int, Signal] = open_signals(
            self.dataset,
            records,
            self.conditioning,
            window=self.window,
            hop=self.hop,
            scratch=self.ctx.artifact(CHECKPOINT).parent,
            on_record=self.ctx.check_cancelled,
        )
        first = [starts(signals, record, self.window, self.hop) for record in records]
        start = np.concatenate(first) if first else np.empty(0, dtype=np.int64)
        record = np.repeat(np.array(records, dtype=np.int64), [len(s) for s in first])
        code = {name: index for index, name in enumerate(self.classes)}
        y = np.array([code[self.dataset.recordings[i].label] for i in record], dtype=np.int64)
        belongs = part_of_windows(self.split, record)
        found = {}
        for part in parts:
            rows = np.flatnonzero(belongs == PARTS.index(part))
            if rows.size:
                found[part] = WindowDataset(signals, WindowIndex(record[rows], start[rows], y[rows]), self.window)
        return found


class _Reporter:
    """Tells the job how far training is, and keeps each epoch's state for a run that may have to go on from it."""

    def __init__(self, epochs: int, ctx: TaskContext) -> None:
        self.epochs = epochs
        self.ctx = ctx
        self.history: tuple[checkpoints.Epoch, ...] = ()

    def batch(self, epoch: int, share: float) -> None:
        self.ctx.check_cancelled()
        self._progress(epoch, (epoch - 1 + share) / self.epochs)

    def epoch(self, state: Checkpoint) -> None:
        self.history = state.history
        checkpoints.save(self.ctx.artifact(CHECKPOINT), state)
        last = state.history[-1]
        self.ctx.record("training", last.epoch, **_measured(last))
        self.ctx.log.info(
            "epoch %d/%d: train loss %.4f, validation loss %s, validation accuracy %s",
            last.epoch,
            self.epochs,
            last.train_loss,
            "-" if last.val_loss is None else f"{last.val_loss:.4f}",
            "-" if last.val_accuracy is None else f"{last.val_accuracy:.3f}",
        )
        self._progress(last.epoch, last.epoch / self.epochs)

    def _progress(self, epoch: int, share: float) -> None:
        meta: dict[str, Any] = {"epoch": epoch}
        if self.history:
            meta |= _measured(self.history[-1])
        self.ctx.progress(0.9 * share, f"Training epoch {epoch}/{self.epochs}", **meta)


def _measured(epoch: checkpoints.Epoch) -> dict[str, float]:
    """What was measured in an epoch, without what takes a validation part where there is none."""
    found = {"train_loss": epoch.train_loss, "val_loss": epoch.val_loss, "val_accuracy": epoch.val_accuracy}
    return {name: value for name, value in found.items() if value is not None}


def _earlier(ctx: TaskContext, digest: str, network: Cnn1d) -> Checkpoint | None:
    """The state that an earlier run of this job left, if it trained the same."""
    path = ctx.checkpoint(CHECKPOINT)
    found = checkpoints.load(path, digest) if path else None
    if found is not None and not checkpoints.fits(found, network):
        ctx.log.warning("the state that an earlier run has left is none of this network: training begins anew")
        return None
    if found is not None:
        ctx.log.info("going on after epoch %d of an earlier run", len(found.history))
    return found


def _digest(config: Mapping[str, Any], dataset: Dataset, split: Split, seed: int) -> str:
    whole = {"config": config, "dataset": dataset.fingerprint, "split": split.digest, "seed": seed}
    return hashlib.sha256(json.dumps(whole, sort_keys=True, default=str).encode()).hexdigest()


class _Deterministic:
    """On a GPU, only algorithms that give the same sum each time; the caller's setting comes back."""

    def __init__(self, device: str) -> None:
        self.wanted = device == "cuda"

    def __enter__(self) -> None:
        self.before = (torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark)
        if self.wanted:
            torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark = True, False

    def __exit__(self, *_: object) -> None:
        torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark = self.before
