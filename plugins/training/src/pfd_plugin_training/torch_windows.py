"""A torch dataset of windows that are read when they are asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import Dataset

from pfd_plugin_data import znorm
from pfd_plugin_training.signals import Signal


@dataclass(frozen=True)
class WindowIndex:
    """Which windows: recording, first sample and class of each, all `(n,)`."""

    record: npt.NDArray[np.int64]
    start: npt.NDArray[np.int64]
    y: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.y)


class WindowDataset(Dataset[tuple[Tensor, Tensor]]):
    """Windows `(1, window)` of zero mean and unit deviation, each with the index of its class.

    `signals` are memory maps by recording: only the windows asked for are read.
    """

    def __init__(self, signals: Mapping[int, Signal], index: WindowIndex, window: int) -> None:
        self.signals = signals
        self.index = index
        self.window = window

    def __len__(self) -> int:
        return len(self.index)

    def __getitem__(self, row: int) -> tuple[Tensor, Tensor]:
        x, y = self.batch([row])
        return x[0], y[0]

    def batch(self, rows: Sequence[int] | npt.NDArray[np.integer]) -> tuple[Tensor, Tensor]:
        """Windows `(n, 1, window)` and classes `(n,)` of some rows."""
        raw = np.empty((len(rows), self.window), dtype=np.float32)
        for target, row in zip(raw, rows, strict=True):
            first = self.index.start[row]
            target[:] = self.signals[int(self.index.record[row])][first : first + self.window]
        return torch.from_numpy(znorm(raw)[:, None, :]), torch.from_numpy(self.index.y[np.asarray(rows)])
